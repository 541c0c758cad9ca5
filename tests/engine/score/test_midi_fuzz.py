"""Damaged MIDI files: whatever happens to the bytes, reading ends soon with a score or a ScoreError."""

import random
import time

import pytest
from smf_bytes import joined, mtrk, name, off, on, smf, sung, text

from engine.errors import ScoreError
from engine.score import split_lanes, transpose
from engine.score.formats.midi import read_midi, write_midi
from engine.score.formats.midi_events import MAX_EVENTS

pytestmark = pytest.mark.slow

MOST_CPU_S = 2.0
MOST_CPU_OF_THE_LARGEST_S = 20.0  # about 3 on an idle machine; what grows with the square takes minutes

SEEDS = (
    smf(mtrk("00 FF 51 03 07 A1 20", "00 FF 58 04 03 03 18 08"), mtrk(name("Vox"), sung("ti-", "me", "la", None, "-", "愛"))),
    smf(mtrk(*[on(0, 60, channel=c) + bytes((16, 0xE0 | c, 0, 96)) for c in range(16)], *[off(5, 60, c) for c in range(16)])),
    smf(mtrk(text(0, "@KMIDI", 1), *[text(480, w, 1) for w in ("\\Twin", "kle", "/star")]), mtrk(sung(*[None] * 4))),
    smf(mtrk("00 B0 65 00 00 64 00 00 06 0C", "00 E0 00 60", "00 F0 03 01 02 F7", sung("caf\u00e9".encode("latin-1")))),
    smf(mtrk(sung("a")), mtrk(on(0, 60), on(3, 60), on(3, 64), off(3, 60), sung("b")), file_format=2),
    smf(mtrk(sung("la", key=72)), mtrk(joined("00 A0 3C 40", "00 D0 10", sung("a"))), division=0xE728),
)


def truncate(data, rng):
    return data[: rng.randrange(len(data))]


def flip(data, rng):
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def insert(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 12)) + data[at:]


def remove(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 12) :]


def overwrite(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + rng.choice((b"\xff", b"\0", b"\x7f", b"MTrk")) * rng.randint(1, 4) + data[at + 4 :]


def swap_chunks(data, rng):
    chunks = data.split(b"MTrk")
    rng.shuffle(chunks)
    return b"MTrk".join(chunks)


MUTATIONS = (truncate, flip, insert, remove, overwrite, swap_chunks)


def check_score(score):
    assert score.ppq > 0
    for track in score.tracks:
        onsets = [(note.onset_ticks, note.pitch) for note in track.notes]
        assert onsets == sorted(onsets)
        assert all(note.onset_ticks >= 0 and note.duration_ticks >= 1 for note in track.notes)
        assert all(0 <= note.pitch <= 127 and 1 <= note.velocity <= 127 for note in track.notes)
        for curve in track.curves:
            assert len(curve.ticks) == len(curve.values)
            assert all(first < second for first, second in zip(curve.ticks, curve.ticks[1:], strict=False))
        split_lanes(track)
    assert score.tempo_map.seconds_at(score.end_ticks) < 25 * 3600


def read_within_limits(data, most_cpu_s=MOST_CPU_S):
    started = time.process_time()
    try:
        score = read_midi(data, title="fuzz")
    except ScoreError:
        score = None
    assert time.process_time() - started < most_cpu_s
    return score


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_mutated_files(seed):
    rng = random.Random(seed)
    survivors = 0
    for _ in range(400):
        data = SEEDS[seed]
        for _ in range(rng.randint(1, 3)):
            data = rng.choice(MUTATIONS)(data, rng) or b"\0"
        score = read_within_limits(data)
        if score is not None:
            survivors += 1
            check_score(score)
            again = read_midi(write_midi(transpose(score, 0)), title="again")
            assert [len(track.notes) for track in again.tracks] == [len(track.notes) for track in score.tracks]
    assert survivors > 200


HOSTILE = {
    "as many events as allowed": smf(mtrk("00 90 3C 64", b"\x01\x3c\x40" * (MAX_EVENTS - 2))),
    "as many lyrics as allowed": smf(mtrk(text(1, "la") * (MAX_EVENTS - 1), on(0, 60))),
    "a strike and a lyric everywhere": smf(mtrk((text(1, "la") + on(0, 60)) * (MAX_EVENTS // 2 - 1))),
    "a thousand tracks of words": smf(*[mtrk(sung(*[None] * 10))] * 1000, *[mtrk(text(480, "la") * 10)] * 1000),
    "all channels on a thousand tracks": smf(*[mtrk(*[f"00 {0xB0 | c:02X} 0B 10" for c in range(16)])] * 1000, mtrk(sung("a"))),
    "empty tempo changes": smf(mtrk("01 FF 51 00" * 70_000)),
    "megabytes of no chunk": smf() + b"abcd\0\0\0\0" * 500_000,
    "megabytes of zeros": smf(mtrk(sung("a"))) + bytes(8_000_000),
    "a million track headers": smf() + b"MTrk" * 1_000_000,
    "the longest deltas": smf(mtrk((b"\xff\xff\xff\x7f" + on(0, 60)[1:]) * 50_000)),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_end_soon(data):
    read_within_limits(data, MOST_CPU_OF_THE_LARGEST_S)


def test_a_long_song_reads_fast():
    """20 000 notes with words: a fifth of a second to half of one on ordinary machines."""
    started = time.process_time()
    score = read_midi(smf(mtrk(sung(*["la", "ti-"] * 10_000))), title="long")
    assert time.process_time() - started < MOST_CPU_S
    assert sum(note.lyric is not None for note in score.tracks[0].notes) == 20_000
