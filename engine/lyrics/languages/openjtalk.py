"""OpenJTalk (package pyopenjtalk-plus, or pyopenjtalk): readings and accents of Japanese text, and its dictionary.

GPT-SoVITS voices are trained on the accents of naist-jdic 1.11 as computed by pyopenjtalk 0.4.1. That dictionary is preferred if it is
installed; the one in pyopenjtalk-plus differs in some accents. Nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import importlib.util
import io
import os
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import LyricError

DICTIONARY_VARIABLE = "OPEN_JTALK_DICT_DIR"
_PROGRAMS = ("pyopenjtalk-plus", "pyopenjtalk")  # both are imported as pyopenjtalk
_OFFICIAL_FOLDERS = (
    Path("/var/lib/mecab/dic/open-jtalk/naist-jdic"),  # the package open-jtalk-mecab-naist-jdic of Debian and Ubuntu
    Path("/usr/share/open-jtalk/dic"),
    Path("/opt/homebrew/opt/open-jtalk/dic"),
    Path("/usr/local/opt/open-jtalk/dic"),
)
_OFFICIAL_NAME = "open_jtalk_dic_utf_8-1.11"  # the folder in pyopenjtalk after its download
_OWN_NAME = "dictionary"  # the folder in pyopenjtalk-plus
_NEEDED_FILES = ("sys.dic", "matrix.bin", "char.bin", "unk.dic")
_MISSING = "Japanese pitch accents need the extra ja: pip install 'vocalese[ja]'."


class OpenJTalk:
    """An analyser with its dictionary. Thread-safe: calls are serialised."""

    def __init__(self, library: Any, dictionary: Path, *, is_plus: bool) -> None:
        self._library, self._is_plus = library, is_plus
        self._engine = library.OpenJTalk(dn_mecab=os.fsencode(dictionary))
        self._lock = threading.Lock()
        self.dictionary = dictionary

    def labels(self, text: str) -> list[str]:
        """Return full-context labels, one per phone."""
        with self._alone():
            labels: list[str] = self._engine.make_label(self._analysed(text, is_vanilla=False))
        return labels

    def kana(self, text: str) -> str:
        """Return a text in kana, by the dictionary alone."""
        with self._alone():
            words = self._analysed(text, is_vanilla=True)
        return "".join(word["string"] if word["pos"] == "記号" else word["pron"].replace("’", "") for word in words)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of packages that pyopenjtalk-plus calls
            yield

    def _analysed(self, text: str, *, is_vanilla: bool) -> Any:
        """Return words with their readings. pyopenjtalk-plus corrects them afterwards, also accents that its changes to OpenJTalk have
        moved.
        """
        if not self._is_plus:
            return self._engine.run_frontend(text)
        # Its model for 何 needs ONNX Runtime; without it, every 何 is なに.
        return self._library.run_frontend(text, jtalk=self._engine, use_vanilla=is_vanilla, predict_nani=False)


@functools.cache
def open_jtalk() -> OpenJTalk:
    """Return the installed analyser, loaded at its first use. Raises LyricError without a package or a dictionary."""
    found = _find()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints hints about more packages on import
            library = importlib.import_module("pyopenjtalk")
        if found is not None:
            return OpenJTalk(library, found.dictionary, is_plus=found.is_plus)
    except (ImportError, RuntimeError):  # RuntimeError: files of another kind under the names of a dictionary's
        pass
    raise LyricError(_MISSING)


def open_jtalk_name() -> str:
    """Return the program and dictionary of readings and accents, "" without them. Loads nothing."""
    found = _find()
    return f"{found.program} with the dictionary {found.dictionary}" if found is not None else ""


@dataclass(frozen=True)
class _Found:
    program: str
    dictionary: Path
    is_plus: bool


@functools.cache
def _find() -> _Found | None:
    spec = importlib.util.find_spec("pyopenjtalk")
    if spec is None or spec.origin is None:
        return None
    own = Path(spec.origin).parent
    named = os.environ.get(DICTIONARY_VARIABLE, "")
    folders = [*([Path(named)] if named else []), *_OFFICIAL_FOLDERS, own / _OFFICIAL_NAME, own / _OWN_NAME]
    folder = next((folder for folder in folders if all((folder / name).is_file() for name in _NEEDED_FILES)), None)
    return None if folder is None else _Found(_program(), folder, (own / _OWN_NAME).is_dir())


def _program() -> str:
    for name in _PROGRAMS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return f"{name} {importlib.metadata.version(name)}"
    return "pyopenjtalk"
