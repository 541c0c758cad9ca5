"""What several commands share: paths, progress, how warnings are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from engine import Mode, PerformanceSettings

EXIT_OK, EXIT_USAGE, EXIT_SOME_FAILED = 0, 2, 3


def vocalese_version() -> str:
    """Version of the installed distribution."""
    try:
        return version("vocalese")
    except PackageNotFoundError:
        return "not installed"


def cache_folder() -> Path:
    """Where rendered phrases are kept between runs."""
    from platformdirs import user_cache_path

    return user_cache_path("vocalese") / "phrases"


def heard_folder() -> Path:
    """Where it is kept what voices hear in their reference clips."""
    from platformdirs import user_cache_path

    return user_cache_path("vocalese") / "heard"


def user_voice_folder() -> Path:
    """Where the user's own voices lie, one folder each."""
    from platformdirs import user_data_path

    return user_data_path("vocalese") / "voices"


def user_features_folder() -> Path:
    """Where the encoders of GPT-SoVITS voices lie, unless told otherwise."""
    from platformdirs import user_data_path

    return user_data_path("vocalese") / "features"


def progress_bar(label: str, *, shown: bool) -> Callable[[int, int], None]:
    """A callback (done, all) that draws a bar on standard error."""
    from tqdm import tqdm

    bar = tqdm(desc=label, unit="", leave=False, disable=not shown, file=sys.stderr, ncols=88)

    def update(done: int, total: int) -> None:
        bar.total = total
        bar.n = done
        bar.refresh()
        if done >= total:
            bar.close()

    return update


def settings_for(mode: Mode, *, seed: int, **changes: float | bool) -> PerformanceSettings:
    """Performance settings of a mode with the user's changes."""
    return PerformanceSettings(mode=mode, seed=seed, **changes)  # type: ignore[arg-type]


def bullet_list(sentences: Iterable[str], indent: str = "    ") -> str:
    """Sentences as lines, wrapped by nobody: terminals do that."""
    return "\n".join(f"{indent}- {sentence}" for sentence in sentences)
