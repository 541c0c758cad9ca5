"""Stems that a running server exports: what `vocalese render` writes of the same song, inside its folder, and an answer whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import soundfile

from bridge.audio.engine import AudioConfig
from bridge.client import VocaleseClient
from bridge.protocol import events, limits, replies
from bridge.server import ServerOptions, VocaleseServer
from engine import STARTER_NAME, Curve, Note, Parameter, Score, TempoChange, TempoMap, Track, write_score

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
WAIT_S = 60.0
LINE = [(0.0, 1.0, 57.0, "stay"), (1.0, 1.0, 60.0, "with"), (2.0, 2.0, 62.0, "me"), (8.0, 2.0, 60.0, "love")]
CHORD = [(4.0, 2.0, 64.0, "home"), (4.0, 2.0, 60.0, "home")]  # two voices, so two stems
VELOCITY = 96
PPQ = 480


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, f"no {what} within {WAIT_S:g} s"
        time.sleep(0.01)


class Host:
    """A server with two tracks and no device, a client of it, and what it answered."""

    def __init__(self, folder: Path) -> None:
        self.takes = folder / "takes"
        self.notices: list[str] = []
        options = ServerOptions(
            audio=AudioConfig(output="null", block_frames=256, tracks=3),
            voices=(STARTER_NAME,) * 3,
            languages=("en",) * 3,
            port=0,
            with_midi=False,
            takes=self.takes,
            version="9.9",
        )
        self.server = VocaleseServer(options, self.notices.append)
        self.client = VocaleseClient(port=self.server.osc.port, timeout_s=5.0).__enter__()
        self.heard: list[Any] = []
        self.numbers = count(70_000)

    def send_song(self) -> None:
        self.client.tempo(1, [(0.0, 120.0, 4, 4), (4.0, 90.0, 4, 4)])
        bends = {"bend_cents": [(0.0, 0.0), (2.0, -80.0), (3.0, 0.0)]}
        self.client.clip([(ppq, long, pitch, VELOCITY / 127, word) for ppq, long, pitch, word in LINE], curves=bends)
        self.client.clip([(ppq, long, pitch, VELOCITY / 127, word) for ppq, long, pitch, word in CHORD], track=1)

    def of(self, kind: type) -> list[Any]:
        while (reply := self.client.poll()) is not None:
            self.heard.append(reply)
        return [reply for reply in self.heard if isinstance(reply, kind)]

    def exported(self, files: int, *arguments: Any, **options: Any) -> list[replies.Written]:
        """Run an export and return its `Written` replies; fail on an error."""
        self.of(replies.Written)
        self.heard.clear()
        self.client.export(*arguments, **options)
        wait_until(lambda: len(self.of(replies.Written)) == files or self.of(replies.Error), "stems")
        assert not self.of(replies.Error)
        return self.of(replies.Written)

    def refused(self, folder: str, track: int = events.ALL) -> replies.Error:
        """Error reply to a refused export, checked by its number; it may arrive before the acknowledgement."""
        self.heard.clear()
        seq = next(self.numbers)
        self.client.send(events.StemExport(track, folder, 48_000, "24"), seq=seq)
        wait_until(lambda: self.of(replies.Error), "rejection")
        (rejection,) = self.of(replies.Error)
        assert rejection.seq == seq
        return rejection

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    running = Host(tmp_path_factory.mktemp("exported"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same song by `vocalese render`, at 44.1 kHz, 24 bits."""
    folder = tmp_path_factory.mktemp("rendered")

    def notes(rows: list[tuple[float, float, float, str]]) -> tuple[Note, ...]:
        return tuple(Note(round(ppq * PPQ), round(long * PPQ), pitch, VELOCITY, word) for ppq, long, pitch, word in rows)

    # As the session joins clips: a curve holds its last value to the end of its clip.
    bend = Curve(Parameter.BEND_CENTS, (0, 2 * PPQ, 3 * PPQ), (0.0, -80.0, 0.0))
    score = Score(
        "my song",
        PPQ,
        (Track("track 1", notes(LINE), (bend,)), Track("track 2", notes(CHORD))),
        TempoMap(PPQ, (TempoChange(0, 60e6 / 120), TempoChange(4 * PPQ, 60e6 / 90))),
    )
    write_score(score, folder / "my song.ustx")
    command = [
        sys.executable,
        "-m",
        "bridge.cli",
        "render",
        folder / "my song.ustx",
        "-o",
        folder,
        "--rate",
        "44100",
        "--no-cache",
    ]
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT, timeout=10 * WAIT_S)
    return folder


def test_without_clips_nothing_is_exported(host: Host) -> None:
    rejection = host.refused("early")
    assert (rejection.address, rejection.code) == ("/vocalese/stem/export", "failed") and "No track has notes" in rejection.text
    host.send_song()
    assert "Track 2 has no notes" in host.refused("early", track=2).text
    rejection = host.refused("early", track=3)
    assert rejection.code == "range" and "0 to 2, or -1" in rejection.text
    assert not (host.takes / "early").exists()


def test_stems_are_those_that_render_writes(host: Host, rendered: Path) -> None:
    written = host.exported(3, "my song", sample_rate=44_100)
    stems = sorted(rendered.glob("*.wav"))
    assert sorted(Path(reply.path).name for reply in written) == [stem.name for stem in stems] and len(stems) == 3
    for reply in written:
        mine, rate = soundfile.read(host.takes / reply.path)
        theirs, _ = soundfile.read(rendered / Path(reply.path).name)
        assert rate == reply.sample_rate == 44_100 and len(mine) == reply.samples
        assert abs(theirs).max() > 0.05 and (mine == theirs).all()
        assert soundfile.info(host.takes / reply.path).subtype == "PCM_24"
        assert Path(reply.path).parent == Path("my song")
    assert [reply.track for reply in written] == [0, 1, 1]
    progress = [(reply.track, reply.clip, reply.fraction) for reply in host.of(replies.Progress)]
    assert [told for told in progress if told[0] == 0][-1] == (0, events.ALL, 1.0)
    assert [told for told in progress if told[0] == 1][-1] == (1, events.ALL, 1.0)
    done = host.of(replies.Done)
    assert [(reply.track, reply.clip, reply.start_sample, reply.samples, reply.sample_rate) for reply in done] == [
        (reply.track, events.ALL, 0, reply.samples, 44_100) for reply in written
    ]
    assert len({reply.hash for reply in done}) == 3
    wait_until(lambda: sum("my song" in notice for notice in host.notices) == 3, "word to the user about each")


def test_another_export_keeps_the_first_and_equal_hashes_name_equal_samples(host: Host) -> None:
    (first,) = host.exported(1, "again", track=0)
    (first_hash,) = (reply.hash for reply in host.of(replies.Done))
    (second,) = host.exported(1, "again", track=0)
    (second_hash,) = (reply.hash for reply in host.of(replies.Done))
    assert (first.path, second.path) == ("again/again - track 1.wav", "again/again - track 1 2.wav")
    assert first_hash == second_hash and (host.takes / first.path).read_bytes() == (host.takes / second.path).read_bytes()
    (third,) = host.exported(1, track=0, depth="32f", sample_rate=96_000)
    assert third.path == "song - track 1.wav" and soundfile.info(host.takes / third.path).subtype == "FLOAT"
    assert [reply.hash for reply in host.of(replies.Done)] != [first_hash]


def test_exports_wait_for_each_other_and_too_many_are_refused(host: Host) -> None:
    host.heard.clear()
    numbers = {next(host.numbers): f"many{number}" for number in range(limits.MAX_WAITING_EXPORTS + 3)}
    for seq, folder in numbers.items():
        host.client.send(events.StemExport(0, folder, 48_000, "24"), seq=seq)
    wait_until(lambda: len(host.of(replies.Error)) + len(host.of(replies.Written)) == len(numbers), "all answers")
    refused = {rejection.seq for rejection in host.of(replies.Error)}
    assert all(rejection.code == "busy" and "8 exports wait" in rejection.text for rejection in host.of(replies.Error))
    written = [reply.path.split("/")[0] for reply in host.of(replies.Written)]
    assert 1 <= len(refused) <= 3 and written == [folder for seq, folder in numbers.items() if seq not in refused]
    assert not any((host.takes / numbers[seq]).exists() for seq in refused)


def test_nothing_is_written_outside_of_the_folder(host: Host, tmp_path: Path) -> None:
    if sys.platform != "win32":
        (host.takes / "link").symlink_to(tmp_path)
        assert "out of the export folder" in host.refused("link").text
    (host.takes / "taken").write_bytes(b"")
    assert "cannot be written" in host.refused("taken", track=0).text
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are killed by a signal")
def test_an_export_that_is_killed_is_answered_and_the_next_one_works(host: Host) -> None:
    exporter = host.server.exporter
    wait_until(lambda: exporter.process_id is None, "end of the export before")
    host.heard.clear()
    host.client.export("killed")
    wait_until(lambda: exporter.process_id is not None, "export process")
    os.kill(exporter.process_id or 0, signal.SIGKILL)
    wait_until(lambda: host.of(replies.Error), "answer")
    assert "ended unexpectedly" in host.of(replies.Error)[0].text
    assert len(host.exported(1, "after", track=0)) == 1


def test_closing_in_the_middle_leaves_no_part_of_a_stem(tmp_path: Path) -> None:
    host = Host(tmp_path)
    try:
        host.client.clip([(4.0 * n, 1.0, 60.0, 0.8, "love") for n in range(100)], length_ppq=400.0)
        host.client.export("long", sample_rate=96_000)
        wait_until(lambda: host.of(replies.Progress), "begin")
        assert len(list(tmp_path.rglob("*.part"))) == 1
    finally:
        host.close()
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob("*.wav"))
    assert host.server.exporter.process_id is None
