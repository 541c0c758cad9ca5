"""Everything wired together, with time running: OSC and MIDI in, sound out, the engine process killed on the way."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mido
import pytest

from bridge.audio.facade import AudioConfig
from bridge.client import VocaleseClient
from bridge.midi.router import MidiRouter
from bridge.protocol import events, replies
from bridge.session.server import ServerOptions, VocaleseServer
from engine import STARTER_NAME, read_score
from engine.errors import ProtocolError

WAIT_S = 60.0


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, f"no {what} within {WAIT_S:g} s"
        time.sleep(0.01)


class Served:
    """A server on two tracks without a device, a client of it, and all that it tells the user."""

    def __init__(self, folder: Path) -> None:
        self.notices: list[str] = []
        self.folder = folder
        audio = AudioConfig(output="null", block_frames=256, tracks=2)
        options = ServerOptions(
            audio=audio, voices=(STARTER_NAME,) * 2, languages=("en",) * 2, port=0, with_midi=False, takes=folder / "takes"
        )
        self.server = VocaleseServer(options, self.notices.append)
        self.client = VocaleseClient(port=self.server.osc.port, timeout_s=2.0).__enter__()

    def played(self, track: int) -> int:
        """Samples that a track has sung so far."""
        return self.server.audio.telemetry().tracks[track].live_played_samples

    def is_loud(self, track: int) -> bool:
        return self.server.audio.telemetry().tracks[track].peak_db > -40.0

    def answer(self, kind: type, is_it: Callable[[Any], bool] = lambda reply: True) -> Any:
        """The next reply of a kind that is what is waited for."""
        found: list = []

        def look() -> bool:
            while (reply := self.client.poll()) is not None:
                if isinstance(reply, kind) and is_it(reply):
                    found.append(reply)
                    return True
            return False

        wait_until(look, kind.__name__)
        return found[0]

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"))
    yield running
    running.close()


def test_no_process_of_the_live_voice_loads_torch(served: Served) -> None:
    assert "numpy" in served.server.engine.modules
    assert "torch" not in served.server.engine.modules
    assert "torch" not in served.server.audio.loaded_modules


def test_an_osc_note_sounds_with_its_word(served: Served) -> None:
    before = served.played(0)
    served.client.note(60.0, duration_s=0.3, lyric="wonderful")
    wait_until(lambda: served.played(0) > before and served.is_loud(0), "sound")
    assert served.played(1) == 0


def test_a_midi_note_sounds_on_the_track_of_its_channel(served: Served) -> None:
    router, clock = MidiRouter(), served.server.clock_s
    before = served.played(1)
    served.server.session.play(router.feed(mido.Message("note_on", channel=1, note=60, velocity=100), clock()))
    wait_until(lambda: served.played(1) > before and served.is_loud(1), "sound")
    served.server.session.play(router.feed(mido.Message("note_off", channel=1, note=60), clock()))
    served.server.session.play(router.feed(mido.Message("note_on", channel=9, note=60, velocity=100), clock()))
    assert "MIDI channel 10 plays no track" in served.notices[-1]


def test_words_are_split_shown_and_taken_in_order(served: Served) -> None:
    client = served.client
    client.subscribe("lyrics")
    client.lyrics("stay with me to-night", track=1)
    client.note(60.0, duration_s=0.1, track=1)  # sent at once: it waits for the words
    split = served.answer(replies.LyricsSplit)
    assert split.track == 1 and split.syllables[:3] == ("stay", "with", "me")
    served.answer(replies.LyricsNext, lambda following: following.track == 1 and following.syllable == "with")
    client.lyrics("and so on", track=1, append=True)
    split = served.answer(replies.LyricsSplit)
    assert split.first > 4
    client.request(events.LyricsLine(1, 0))
    served.answer(replies.LyricsNext, lambda following: following.syllable == "stay")


def test_what_cannot_be_done_is_answered(served: Served) -> None:
    client = served.client
    for event, words in (
        (events.NoteOn(7, 1, 60.0, 0.8, 0.0, ""), "valid is 0 to 1"),
        (events.NoteExpression(0, 1, "pitch_strength", 0.5, 0.0), "acts in clips"),
        (events.WholeNote(0, 60.0, 0.1, 0.8, "", 1e-3), "before the message came"),
        (events.TrackVoice(0, "nobody", ""), "nobody"),
        (events.StemExport(0, "songs", 48_000, "24"), "vocalese render"),
    ):
        client.send(event)
        assert words in served.answer(replies.Error).text
    client.request(events.TrackVoice(0, STARTER_NAME, "en"))
    client.param("vibrato_depth_cents", 0.0)
    client.param("gain_db", -6.0)
    client.param("transpose_semitones", 2.0)
    client.param("transpose_semitones", 0.0)
    client.request(events.LyricsFiller(0, "hum"))
    with pytest.raises(ProtocolError):
        client.param("vibrato_depth_cents", 1000.0)


def test_what_was_played_is_written_with_its_words(served: Served) -> None:
    client = served.client
    client.lyrics("sing now", track=0)
    client.request(events.RecordStart(0))
    assert client.status().state == "recording"
    before = served.played(0)
    for pitch in (60.0, 62.0):
        client.note(pitch, duration_s=0.2, track=0)
        time.sleep(0.5)
    wait_until(lambda: served.played(0) > before, "sound")
    client.request(events.RecordStop(0, "verse"))
    written = served.answer(replies.Written)
    assert written.path == "verse.mid"
    score = read_score(served.folder / "takes" / "verse.mid")
    (track,) = [part for part in score.tracks if part.notes]
    assert [(note.pitch, note.lyric) for note in track.notes] == [(60.0, "sing"), (62.0, "now")]


def test_panic_and_meters(served: Served) -> None:
    client = served.client
    client.subscribe("meters")
    client.note(60.0, duration_s=30.0)
    wait_until(lambda: served.is_loud(0), "sound")
    meters = served.answer(replies.Meters).tracks
    assert [meter.track for meter in meters] == [0, 1]
    client.panic()
    wait_until(lambda: not served.is_loud(0), "silence")
    client.subscribe("meters", 0.0)


def test_a_killed_engine_comes_back_with_its_words_and_settings(served: Served) -> None:
    client, server = served.client, served.server
    client.lyrics("one two three four")
    for _ in range(2):
        client.note(60.0, duration_s=0.1)
        time.sleep(0.4)
    wait_until(lambda: server.engine._tracks[0].next_text == "three", "third word")
    client.note(60.0, duration_s=30.0)
    wait_until(lambda: server.engine._tracks[0].next_text == "four", "fourth word")
    audio, killed, begun_s = server.audio.process_id, server.engine.process_id, time.monotonic()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not server.engine.is_ready, "end of the engine")
    wait_until(lambda: server.engine.is_ready, "new engine")
    sys.stdout.write(f"back after {time.monotonic() - begun_s:.2f} s\n")
    assert server.engine.process_id != killed and server.audio.process_id == audio and server.audio.is_alive
    wait_until(lambda: not served.is_loud(0), "fade of what was sung")
    wait_until(lambda: any("sings again" in notice for notice in served.notices), "notice")
    client.note(60.0, duration_s=0.3)
    wait_until(lambda: served.is_loud(0), "sound")
    wait_until(lambda: not server.engine._tracks[0].next_text, "end of the words")
