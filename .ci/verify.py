"""Check built things for .ci/run.

verify.py wheel FILE | sdist FILE | bare | demo FOLDER | renders FIRST SECOND | site FOLDER
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEVER_IN_A_WHEEL = ("tests/", "examples/", "benchmarks/", "docs/", ".ci/")
NEVER_IN_AN_SDIST = ("tests/", "benchmarks/", "research/", "examples/", ".ci/")
NEVER_IN_THE_BASE = frozenset({"torch", "numba", "llvmlite", "librosa", "scipy", "av", "pyopenjtalk-plus"})


def check_wheel(path: Path) -> str:
    """Require every data file of the packages and templates in the wheel, and nothing else but their code and metadata."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
    missing = sorted(package_files() - names)
    require(not missing, f"{path.name} lacks {', '.join(missing)}")
    strange = sorted(name for name in names if name.startswith(NEVER_IN_A_WHEEL))
    require(not strange, f"{path.name} should not hold {', '.join(strange)}")
    require(any(name.endswith(".safetensors") for name in names), f"{path.name} has no voice in it")
    size_mb = path.stat().st_size / 2**20
    require(size_mb < 40, f"{path.name} has {size_mb:.0f} MB")
    return f"{path.name}: {len(names)} files, {size_mb:.1f} MB"


def check_sdist(path: Path) -> str:
    """Check that the source distribution holds the packages, the docs and the build files, and no tests."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = package_files() | {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "constraints.txt",
        "docs/architecture.md",
    }
    missing = sorted(wanted - names)
    require(not missing, f"{path.name} lacks {', '.join(missing)}")
    strange = sorted(name for name in names if name.startswith(NEVER_IN_AN_SDIST))
    require(not strange, f"{path.name} should not hold {', '.join(strange)}")
    return f"{path.name}: {len(names)} files and folders, {path.stat().st_size / 2**20:.1f} MB"


def check_bare() -> str:
    """Check that this environment, made from the wheel alone, has no package of an extra."""
    installed = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    heavy = sorted(name for name in installed if name in NEVER_IN_THE_BASE or name.startswith("nvidia"))
    require(not heavy, f"the plain installation brings {', '.join(heavy)}")
    return f"{len(installed)} packages, none of {', '.join(sorted(NEVER_IN_THE_BASE))}"


def package_files() -> set[str]:
    """Return all files of the packages and templates, below the root."""
    return {
        file.relative_to(ROOT).as_posix()
        for package in ("engine", "bridge", "daw_templates")
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    }


def check_demo(folder: Path) -> str:
    """Require stems of every example that hold sound, start at zero and carry metadata."""
    import numpy as np
    import soundfile

    from bridge.stems.riff import read_stem_metadata

    stems = 0
    table = tomllib.loads((ROOT / "bridge" / "examples" / "examples.toml").read_text(encoding="utf-8"))
    for example in table["example"]:
        name = Path(example["file"]).stem
        files = sorted(folder.glob(f"{name}*.wav"))
        require(bool(files), f"no stem of {example['file']} in {folder}")
        lengths = set()
        for file in files:
            samples, rate = soundfile.read(file, dtype="float32")
            require(bool(np.isfinite(samples).all()), f"{file.name} has samples that are no numbers")
            require(0.1 < float(np.abs(samples).max()) < 1.0, f"{file.name} peaks at {np.abs(samples).max():.3f}")
            info = read_stem_metadata(file)
            require(info.time_reference_samples == 0, f"{file.name} does not start at zero")
            lengths.add((len(samples), rate))
            stems += 1
        require(len(lengths) == 1, f"the stems of {name} differ in length or rate")
    return f"{stems} stems of {len(table['example'])} examples"


def check_renders(first: Path, second: Path) -> str:
    """Compare two runs with `--json`: all keys are there, and the same seed gave the same bytes."""
    runs = [json.loads(path.read_text(encoding="utf-8").splitlines()[-1]) for path in (first, second)]
    for run in runs:
        require(bool(run["stems"]), "no stems")
        for stem in run["stems"]:
            absent = {"path", "score", "track", "seconds", "rtf", "warnings"} - stem.keys()
            require(not absent, f"the JSON object lacks {absent}")
            require(stem["rtf"] < 1.0, f"{stem['path']} took {stem['rtf']} x real time")
            require(stem["warnings"] == [], f"{stem['path']}: {stem['warnings']}")
    contents = [[Path(stem["path"]).read_bytes() for stem in run["stems"]] for run in runs]
    require(contents[0] == contents[1], "the same seed gave other samples")
    return f"{len(contents[0])} stem(s), {runs[1]['stems'][0]['rtf']:.2f} x real time without the cache, identical twice"


def check_site(folder: Path) -> str:
    """Require pages without scripts, styles or pictures of other hosts, and every public name in the API reference."""
    import engine

    pages = sorted(folder.glob("*.html"))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        outside = re.findall(
            r'<(?:script|img|iframe)[^>]+src="(?:https?:)?//[^"]+"|<link[^>]+stylesheet[^>]+href="(?:https?:)?//[^"]+"', text
        )
        require(not outside, f"{page.name} loads {outside}")
    reference = (folder / "api.html").read_text(encoding="utf-8")
    missing = [name for name in engine.__all__ if not re.search(rf"\b{name}\b", reference)]
    require(not missing, f"the API reference lacks {', '.join(missing)}")
    return f"{len(pages)} pages, {len(engine.__all__)} names of the engine"


def require(holds: bool, problem: str) -> None:
    """Exit with `problem` unless it holds."""
    if not holds:
        sys.exit(f"verify: {problem}")


def main(arguments: Sequence[str]) -> None:
    """Run one check and print its result, or exit with the problem."""
    kind, *paths = arguments
    check: Callable[..., str] = {
        "wheel": check_wheel,
        "sdist": check_sdist,
        "bare": check_bare,
        "demo": check_demo,
        "renders": check_renders,
        "site": check_site,
    }[kind]
    sys.stdout.write(check(*map(Path, paths)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
