"""Helpers of several commands: folders, settings, progress bars."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bridge.cli.render import RenderOptions
from bridge.cli.shared import CacheOptions, FeatureOptions, VoiceOptions
from engine import ComputeDevice, ImportedSettings, Mode, PerformanceSettings, PhraseCache, Precision

EXIT_OK, EXIT_USAGE, EXIT_SOME_FAILED = 0, 2, 3


def vocalese_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("vocalese")
    except PackageNotFoundError:
        return "not installed"


def cache_folder() -> Path:
    """Return the folder of the phrase cache."""
    from platformdirs import user_cache_path

    return user_cache_path("vocalese") / "phrases"


def heard_folder() -> Path:
    """Return the cache folder for features of reference clips."""
    from platformdirs import user_cache_path

    return user_cache_path("vocalese") / "heard"


def user_voice_folder() -> Path:
    """Return the folder of the user's voices, which are one folder each."""
    from platformdirs import user_data_path

    return user_data_path("vocalese") / "voices"


def user_features_folder() -> Path:
    """Return the default folder of the encoders of GPT-SoVITS voices."""
    from platformdirs import user_data_path

    return user_data_path("vocalese") / "features"


def feature_folder(options: FeatureOptions) -> Path:
    """Return the folder of the encoders: the one given, else the user's."""
    return options.features or user_features_folder()


def searched_folders(options: VoiceOptions) -> tuple[Path, ...]:
    """Return the folders that are searched for voices: those given, else the user's."""
    return options.voice_folders or (user_voice_folder(),)


def phrase_cache(options: CacheOptions) -> PhraseCache | None:
    """Return the cache of rendered phrases, None with `--no-cache`."""
    return PhraseCache(cache_folder()) if options.uses_cache else None


def imported_settings(options: CacheOptions) -> ImportedSettings:
    """Return the settings of GPT-SoVITS voices; the defaults for commands without the options of `render`."""
    heard = heard_folder() if options.uses_cache else None
    if not isinstance(options, RenderOptions):
        return ImportedSettings(heard=heard)
    is_given = options.adapter not in (None, "none")
    return ImportedSettings(
        adapter=Path(str(options.adapter)) if is_given else None,
        has_adapter=options.adapter != "none",
        precision=Precision(options.precision),
        device=ComputeDevice(options.device),
        heard=heard,
    )


def progress_bar(label: str, *, shown: bool) -> Callable[[int, int], None]:
    """Return a callback (done, all) that draws a progress bar on stderr."""
    from tqdm import tqdm

    bar = tqdm(desc=label, unit="", leave=False, disable=not shown, file=sys.stderr, ncols=88)

    def update(done: int, total: int) -> None:
        bar.total = total
        bar.n = done
        bar.refresh()
        if done >= total:
            bar.close()

    return update


class BatchProgress:
    """Progress bar of a batch on stderr: current stem, finished share, time left. Shows nothing outside a terminal."""

    def __init__(self, files: int, *, shown: bool) -> None:
        from tqdm import tqdm

        # tqdm shows nothing in terminals that report 0 rows.
        size = {"ncols": 88, "nrows": 24}
        form = "{desc} {percentage:3.0f}% |{bar}| {postfix[0]} of {postfix[1]}, {remaining} left"
        self._bar = tqdm(
            total=float(files), disable=not shown, leave=False, file=sys.stderr, bar_format=form, postfix=[0, files], **size
        )
        self._files, self._shares = files, dict[str, float]()

    def __enter__(self) -> BatchProgress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def update(self, file: str, stem: str, share: float) -> None:
        """Set the rendered `share` of a file, 0 to 1, and the stem in work."""
        self._shares[file] = min(1.0, share)
        done = sum(share >= 1.0 for share in self._shares.values())
        self._bar.set_description_str(f"{stem[:24]:<24}", refresh=False)
        self._bar.postfix = [done, self._files]
        self._bar.n = min(float(self._files), sum(self._shares.values()))
        self._bar.refresh()

    def print(self, text: str) -> None:
        """Print a line to stdout, above the bar."""
        if self._bar.disable:
            print(text, flush=True)
        else:
            self._bar.write(text, file=sys.stdout)


def settings_for(mode: Mode, *, seed: int, **changes: float | bool) -> PerformanceSettings:
    """Return the performance settings of a mode with the user's changes."""
    return PerformanceSettings(mode=mode, seed=seed, **changes)  # type: ignore[arg-type]


def bullet_list(sentences: Iterable[str], indent: str = "    ") -> str:
    """Format sentences as a list, one line each."""
    return "\n".join(f"{indent}- {sentence}" for sentence in sentences)
