"""Everything wired together, with time running: OSC and MIDI in, sound out, the engine process killed on the way."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from live_stage import RATE, cents_off
from safetensors.numpy import load_file, save_file

from bridge.audio.engine import AudioConfig
from bridge.audio.live_ring import ORIGIN, READ, RESTS_AT, SOUNDS, WRITTEN, LiveWriter
from bridge.audio.memory import AudioMemory
from bridge.audio.outputs import ClockKind, OutputKind
from bridge.client import VocaleseClient
from bridge.midi.router import MidiRouter
from bridge.protocol import events, replies
from bridge.server import ServerOptions, VocaleseServer
from engine import STARTER_NAME, NoteOn, read_score, voice_folders
from engine.errors import ProtocolError

WAIT_S = 60.0
BLOCK = 256


def wait_until(true: Callable[[], object], what: str, pause_s: float = 0.01) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, f"no {what} within {WAIT_S:g} s"
        time.sleep(pause_s)


class Served:
    """A server on two tracks without a device, a client of it, and all that it tells the user. With a file, time passes by `pass_time`."""

    def __init__(self, folder: Path, *, output: OutputKind = "null", voice_folders: tuple[Path, ...] = ()) -> None:
        self.notices: list[str] = []
        self.folder = folder
        path = folder / "heard.wav" if output == "file" else None
        clock: ClockKind = "manual" if output == "file" else "realtime"
        audio = AudioConfig(output=output, path=path, clock=clock, sample_rate=RATE, block_frames=BLOCK, tracks=2)
        options = ServerOptions(
            audio=audio,
            voices=(STARTER_NAME,) * 2,
            languages=("en",) * 2,
            voice_folders=voice_folders,
            port=0,
            with_midi=False,
            takes=folder / "takes",
        )
        self.server = VocaleseServer(options, self.notices.append)
        self._memory = AudioMemory.attach(self.server.audio.address)
        self.client = VocaleseClient(port=self.server.osc.port, timeout_s=2.0).__enter__()

    @property
    def now(self) -> int:
        """The next device sample."""
        return self.server.audio.telemetry().transport.device_sample

    @property
    def rests(self) -> bool:
        """Return whether track 0 has marked a rest."""
        counters = self._memory.live_counters[0]
        return bool(counters[RESTS_AT] == counters[WRITTEN])

    def pass_time(self, seconds: float, *, waits: bool = True) -> None:
        """Let time pass on a device with a manual clock: let the voice of track 0 sing what a block needs, and play it."""
        writer = LiveWriter(self._memory, 0)
        for _ in range(-(-round(seconds * RATE) // BLOCK)):
            until = self.now + BLOCK
            wait_until(
                lambda: not waits or self.rests or (writer.end_sample or until) >= until,  # noqa: B023 (called at once)
                "samples of the voice",
                0.001,
            )
            self.server.audio.advance(BLOCK)
        writer.close()

    @property
    def last_live_sample(self) -> int:
        """The device sample behind the last one that was in the ring of track 0 when it ran dry."""
        counters = self._memory.live_counters[0]
        assert not counters[SOUNDS]
        return int(counters[ORIGIN] + counters[READ])

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
        self._memory.close()
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
    wait_until(lambda: served.rests, "end of what was played before: a key that is down would be returned to")
    client.lyrics("sing now", track=0)
    client.request(events.RecordStart(0))
    assert client.status().state == "recording"
    wait_until(lambda: served.server.engine.track(0).next_text == "sing", "words")
    for pitch in (60.0, 62.0):
        client.note(pitch, duration_s=0.2, track=0)
        time.sleep(0.5)
    wait_until(lambda: not served.server.engine.track(0).next_text, "end of the words")
    client.request(events.RecordStop(0, "verse"))
    written = served.answer(replies.Written)
    assert written.path == "verse.mid"
    score = read_score(served.folder / "takes" / "verse.mid")
    (track,) = [part for part in score.tracks if part.notes]
    assert [(note.pitch, note.lyric) for note in track.notes] == [(60.0, "sing"), (62.0, "now")]


def test_a_flood_on_one_track_leaves_the_others_alone(served: Served) -> None:
    """More notes than anybody plays are refused before they cost the voices time."""
    counts = served.server.osc.counts
    for _ in range(2_000):
        served.client.note(60.0, duration_s=0.01, track=1)
    client = VocaleseClient(port=served.server.osc.port, timeout_s=2.0).__enter__()
    client.lyrics("this is heard", track=0)
    client.note(60.0, duration_s=0.2, track=0)
    wait_until(lambda: served.server.engine.track(0).next_text == "is", "note on the other track")
    refused = served.server.osc.counts.refused.get("busy", 0) - counts.refused.get("busy", 0)
    assert 0 < refused < 1_501
    client.close()
    served.client.panic()


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


@pytest.mark.skipif(sys.platform == "win32", reason="nothing can be stopped there")
def test_keep_warm_does_not_wait_for_a_stopped_engine(served: Served) -> None:
    engine = served.server.engine
    wait_until(lambda: engine.is_ready, "engine")
    os.kill(engine.process_id, signal.SIGSTOP)
    try:
        sender = threading.Thread(
            target=lambda: [engine.keep_warm(0, (NoteOn(0.0, 0, 60.0),), 0) for _ in range(3_000)], daemon=True
        )
        sender.start()
        sender.join(WAIT_S)
        assert not sender.is_alive()
    finally:
        os.kill(engine.process_id, signal.SIGCONT)


@pytest.fixture(scope="module")
def dark_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a second voice, "dark": the starter voice with a dull sound."""
    starter, folder = voice_folders()[STARTER_NAME], tmp_path_factory.mktemp("voices")
    weights = load_file(starter / "weights.safetensors")
    bias = weights["decoder.exit.bias"]
    bias[40:80] -= 4.0  # the logarithms of power in the upper bands
    (folder / "dark").mkdir()
    save_file(weights, folder / "dark" / "weights.safetensors")
    digest = hashlib.sha256((folder / "dark" / "weights.safetensors").read_bytes()).hexdigest()
    card = (starter / "card.toml").read_text(encoding="utf-8").replace(f'name = "{STARTER_NAME}"', 'name = "dark"')
    card = re.sub(r'^sha256 = ".*"$', f'sha256 = "{digest}"', card, flags=re.MULTILINE)
    (folder / "dark" / "card.toml").write_text(card, encoding="utf-8")
    return folder


class Take:
    """Sound of a track in a file; notes are found by device samples."""

    def __init__(self, sound: np.ndarray) -> None:
        self._sound = sound

    def _windows(self, begin: int, end: int) -> list[np.ndarray]:
        """Pieces of 50 ms."""
        return [self._sound[start : start + RATE // 20] for start in range(begin, end - RATE // 20, RATE // 20)]

    def brightness_db(self, begin: int, end: int) -> float:
        """The part above 3 kHz of all there is."""
        found = []
        for piece in self._windows(begin, end):
            power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
            found.append(10 * np.log10(power[3_000 * len(piece) // RATE :].sum() / power.sum()))
        return float(np.median(found))

    def cents_off(self, begin: int, end: int, pitch: float) -> tuple[float, float]:
        """Median, and distance of the quartiles: of vibrato 1.4 times its depth."""
        lower, middle, upper = np.quantile([cents_off(piece, pitch) for piece in self._windows(begin, end)], [0.25, 0.5, 0.75])
        return float(middle), float(upper - lower)


@pytest.mark.slow
def test_a_killed_engine_comes_back_as_it_was(tmp_path: Path, dark_voice: Path) -> None:
    """Voice, settings, bend, words and the place in them; what sounded fades, and what was recorded is said to be lost.

    The device's time is passed by hand and waits for the voice, so that nothing is missing on a busy machine either.
    """
    served = Served(tmp_path, output="file", voice_folders=(dark_voice,))
    client, server = served.client, served.server

    def sing_until(syllable: str) -> tuple[int, int]:
        """A note; `syllable` comes next. Samples of its steady part."""
        client.note_on(1, 57.0)
        wait_until(
            lambda: served.pass_time(0.02) or server.engine.track(0).next_text == syllable, f"next syllable '{syllable}'"
        )
        begin = served.now + RATE // 2
        served.pass_time(1.5)
        return begin, served.now

    def let_go() -> None:
        client.note_off(1)
        wait_until(lambda: served.pass_time(0.02) or served.rests, "end of the note")

    try:
        client.lyrics("lo low lah")
        served.pass_time(0.02)
        bright = sing_until("low")
        let_go()
        client.request(events.TrackVoice(0, "dark", "en"))
        client.param("vibrato_depth_cents", 0.0)
        client.param("drift_cents", 0.0)
        client.request(events.RecordStart(0))
        server.session.play(MidiRouter().feed(mido.Message("pitchwheel", pitch=4096), server.clock_s()))
        wait_until(lambda: server.engine.track(0).voice == "dark", "other voice")
        before = sing_until("lah")
        audio, killed = server.audio.process_id, server.engine.process_id
        os.kill(killed, signal.SIGSTOP)
        client.request(events.TrackVoice(1, STARTER_NAME, "en"))  # it will never be answered by this one
        wait_until(lambda: server.engine.waiting_requests, "question on its way")
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not server.engine.is_ready, "end of the engine")
        served.answer(replies.Error, lambda error: "has ended before this was done" in error.text)
        served.pass_time(0.3, waits=False)
        ended = served.last_live_sample
        wait_until(lambda: server.engine.is_ready, "new engine")
        assert server.engine.process_id != killed and server.audio.process_id == audio and server.audio.is_alive
        assert server.engine.track(0).voice == "dark" and server.engine.track(0).place == (0, 2)
        wait_until(lambda: any("sings again" in notice and "'lah' on track 0" in notice for notice in served.notices), "notice")
        assert any("it is started again. What was recorded until now is lost" in notice for notice in served.notices)
        restarted = served.now
        again = sing_until("")
        let_go()
        client.request(events.RecordStop(0, "rest"))
        served.answer(replies.Written)
    finally:
        served.close()
    sound, _ = soundfile.read(tmp_path / "heard.wav", dtype="float32", always_2d=True)
    take = Take(sound[:, 0].astype(np.float64))
    assert np.abs(sound[ended - RATE // 100 : ended]).max() > 1e-3, "it sounded to the end"
    assert not sound[ended + RATE * 20 // 1000 : restarted].any(), (
        "silent 20 ms after the last sample of the engine that was killed"
    )
    largest = np.abs(np.diff(sound[ended - RATE // 20 : ended, 0])).max()
    assert np.abs(np.diff(sound[ended - 1 : ended + RATE // 50, 0])).max() < 1.3 * largest, "no click"
    for note in (before, again):
        assert take.brightness_db(*note) < take.brightness_db(*bright) - 15.0, "another voice"
        middle, spread = take.cents_off(*note, 58.0)
        assert abs(middle) < 10.0 and spread < 10.0, "another pitch, or vibrato"
    (track,) = [part for part in read_score(tmp_path / "takes" / "rest.mid").tracks if part.notes]
    (note,) = track.notes
    assert note.lyric == "lah"
