"""Checks of built things for .ci/run: `verify.py wheel FILE`, `verify.py demo FOLDER`, `verify.py renders FIRST SECOND`."""

from __future__ import annotations

import json
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEVER_IN_A_WHEEL = ("tests/", "examples/", "benchmarks/", "docs/", ".ci/")


def check_wheel(path: Path) -> str:
    """Every data file of the packages and templates is in the wheel, and nothing but these and their metadata."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
    data = {
        file.relative_to(ROOT).as_posix()
        for package in ("engine", "bridge", "daw_templates")
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    }
    missing = sorted(data - names)
    require(not missing, f"{path.name} lacks {', '.join(missing)}")
    strange = sorted(name for name in names if name.startswith(NEVER_IN_A_WHEEL))
    require(not strange, f"{path.name} should not hold {', '.join(strange)}")
    require(any(name.endswith(".safetensors") for name in names), f"{path.name} has no voice in it")
    size_mb = path.stat().st_size / 2**20
    require(size_mb < 40, f"{path.name} has {size_mb:.0f} MB")
    return f"{path.name}: {len(names)} files, {size_mb:.1f} MB"


def check_demo(folder: Path) -> str:
    """Every example became stems that hold sound, are stamped as synthetic and start at zero."""
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
    """Two runs with `--json`: the contract is kept, and the same seed gave the same bytes."""
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


def require(holds: bool, problem: str) -> None:
    if not holds:
        sys.exit(f"verify: {problem}")


def main(arguments: Sequence[str]) -> None:
    kind, *paths = arguments
    check = {"wheel": check_wheel, "demo": check_demo, "renders": check_renders}[kind]
    sys.stdout.write(check(*map(Path, paths)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
