"""A hundred files of all readable formats in one batch, half of them damaged."""

import importlib.util
import threading
from collections import Counter
from itertools import chain
from pathlib import Path
from queue import Queue

import pytest
from score_files import damaged, good_score_files

from bridge.cli.render import RenderOptions
from bridge.commands import batch
from engine.score import EXTRA_SUFFIXES, READABLE_SUFFIXES

pytestmark = pytest.mark.slow

TEXTS = (".txt", ".lrc")
TOLERANT = (".mid", ".midi", ".smf", ".rmi", ".kar", ".vsq", ".ust")
CUT_OFF, CUT_NEAR_THE_START, EMPTY, RANDOM = 0, 1, 4, 5


def kinds_beyond_repair(suffix: str) -> tuple[int, ...]:
    """Kinds of damage after which nothing can be sung. A text that is cut off is a shorter text; what is whole of a MIDI file or of a
    UTAU sequence is sung, and it is said that the rest is missing. All other formats are whole or nothing."""
    if suffix in TEXTS:
        return (EMPTY, RANDOM)
    if suffix in TOLERANT:
        return (CUT_NEAR_THE_START, EMPTY, RANDOM)
    return (CUT_OFF, CUT_NEAR_THE_START, EMPTY, RANDOM)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return good_score_files(with_extra=importlib.util.find_spec("libresvip") is not None)


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_every_good_file_is_rendered_and_every_bad_one_is_one_line(vocalese, tmp_path, files):
    suffixes = list(files)
    assert set(READABLE_SUFFIXES) - set(EXTRA_SUFFIXES) | set(TEXTS) <= set(suffixes)
    good, bad = [], []
    for number in range(50):
        turn, place = divmod(number, len(suffixes))
        suffix = suffixes[place]
        kinds = kinds_beyond_repair(suffix)
        good.append(written(tmp_path, f"good {number:02}{suffix}", files[suffix]))
        bad.append(written(tmp_path, f"bad {number:02}{suffix}", damaged(files[suffix], kinds[(place + turn) % len(kinds)])))
    paths = list(chain.from_iterable(zip(good, bad, strict=True)))

    answer = vocalese("render", *paths, "-o", tmp_path / "stems", "--jobs", 2, "--json")

    assert answer.code == 3 and len(answer.out.splitlines()) == 1 and "Traceback" not in answer.err
    listed = answer.last_line["files"]
    assert [file["score"] for file in listed] == [str(path) for path in paths]
    assert {Path(file["score"]): file["status"] for file in listed} == {
        **dict.fromkeys(good, "done"),
        **dict.fromkeys(bad, "failed"),
    }
    lines = answer.err.splitlines()
    assert Counter(path.name for path in bad for line in lines if path.name in line) == Counter(path.name for path in bad)
    assert len(lines) == len(bad)
    for file in listed:
        assert bool(file["error"]) == (file["status"] == "failed") == (not file["stems"])
        assert all(Path(stem).is_file() for stem in file["stems"])
    assert [error["score"] for error in answer.last_line["errors"]] == [str(path) for path in bad]
    assert {Path(stem) for file in listed for stem in file["stems"]} == set((tmp_path / "stems").iterdir()), (
        "nothing half-written"
    )


@pytest.mark.parametrize("suffix", TOLERANT)
def test_the_whole_part_of_a_truncated_file_is_sung_with_a_notice(vocalese, tmp_path, files, suffix):
    cut = written(tmp_path, f"cut{suffix}", damaged(files[suffix], CUT_OFF))
    answer = vocalese("render", cut, "-o", tmp_path, "--json")
    assert answer.code == 0
    assert any("cut off" in warning for stem in answer.stems for warning in stem["warnings"])


def test_a_file_that_waits_when_a_batch_is_interrupted_is_not_begun(tmp_path, files):
    stop = threading.Event()
    stop.set()
    score = written(tmp_path, "song.mid", files[".mid"])
    with pytest.raises(KeyboardInterrupt):
        batch._render_in_process("0", score, RenderOptions(output=tmp_path, uses_cache=False), "song", stop, Queue())
    assert list(tmp_path.iterdir()) == [score]
