"""Tracks to samples: the same ones in blocks or whole, from the cache or fresh, and exact in time at every rate."""

import logging
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from engine import PerformanceSettings, PhraseCache, RenderError, plan_score, render_track
from engine.dsp.ceiling import CEILING_DBFS
from engine.render.phrase_cache import phrase_key
from engine.render.render import BLOCK_SAMPLES, render_phrase

# Three phrases; the second is edited below.
SONG = [
    (2, 1, 60, "stay"), (3, 1, 62, "with"), (4, 2, 64, "me"),
    (8, 1, 67, "hold"), (9, 1, 65, "the"), (10, 2, 64, "line"),
    (14, 1, 60, "go"), (15, 2, 72, "home"),
]  # fmt: skip


@dataclass
class CountingVoice:
    """A voice that counts its phrases."""

    voice: object
    sung: list[str] = field(default_factory=list)

    @property
    def card(self):
        return self.voice.card

    @property
    def fingerprint(self):
        return self.voice.fingerprint

    def synthesise(self, performance):
        self.sung.append(performance.hash)
        return self.voice.synthesise(performance)


@dataclass
class ToyVoice:
    """A quick voice for what the starter voice is not needed for: `sound(performance)` gives the samples."""

    card: object
    sound: object
    fingerprint: str = "toy"

    def synthesise(self, performance):
        return self.sound(performance)


def ones(performance):
    return np.full(performance.frames * 320, 0.1, dtype=np.float32)


@pytest.fixture
def counting(starter):
    return CountingVoice(starter)


@pytest.fixture
def plan(song, starter):
    return plan_score(song(SONG), starter.card, PerformanceSettings())


@pytest.fixture
def edited_plan(song, starter):
    changed = [(b, n, 69 if word == "the" else p, word) for b, n, p, word in SONG]
    return plan_score(song(changed), starter.card, PerformanceSettings())


def test_blocks_join_to_the_whole_track(plan, starter):
    total = plan.total_samples(48_000)
    blocks = list(render_track(plan.tracks[0].performed.phrases, starter, sample_rate=48_000, total_samples=total))
    assert [len(b) for b in blocks[:-1]] == [BLOCK_SAMPLES] * (len(blocks) - 1) and len(blocks) > 3
    whole = np.zeros(total + 48_000, dtype=np.float32)
    for phrase in plan.tracks[0].performed.phrases:
        samples = render_phrase(phrase, starter, 48_000, None)
        whole[phrase.start_frame * 480 :][: len(samples)] += samples
    assert np.concatenate(blocks).tobytes() == whole[:total].tobytes()


def test_a_warm_cache_gives_the_same_samples_without_singing(plan, counting, render, tmp_path):
    cache = PhraseCache(tmp_path / "cache")
    fresh = render(plan, voice=counting)
    cold = render(plan, voice=counting, cache=cache)
    assert len(counting.sung) == 6
    warm = render(plan, voice=counting, cache=cache)
    assert len(counting.sung) == 6
    assert fresh.tobytes() == cold.tobytes() == warm.tobytes()


def test_the_cache_serves_every_rate(plan, counting, render, tmp_path):
    cache = PhraseCache(tmp_path / "cache")
    for rate in (44_100, 96_000):
        assert render(plan, voice=counting, cache=cache, rate=rate).tobytes() == render(plan, rate=rate).tobytes()
    assert len(counting.sung) == 3


def test_an_edit_sings_its_own_phrase_again_and_no_other_sample_moves(plan, edited_plan, counting, render, tmp_path):
    cache = PhraseCache(tmp_path / "cache")
    before = render(plan, voice=counting, cache=cache)
    counting.sung.clear()
    after = render(edited_plan, voice=counting, cache=cache)
    assert counting.sung == [edited_plan.tracks[0].performed.phrases[1].hash]
    phrase = plan.tracks[0].performed.phrases[1]
    inside = slice(phrase.start_frame * 480, phrase.start_frame * 480 + (phrase.frames + 5) * 480)
    assert (before[inside] != after[inside]).any()
    before[inside] = after[inside] = 0
    assert before.tobytes() == after.tobytes()
    assert after.tobytes() != bytes(after.nbytes)


@pytest.mark.parametrize("rate", [44_100, 48_000, 88_200, 96_000])
def test_phrases_start_on_their_exact_sample(plan, starter, rate):
    """At 44.1 kHz a hundredth of a second is 441 samples."""
    phrases = [
        replace(p, start_frame=frame) for p, frame in zip(plan.tracks[0].performed.phrases, (0, 333, 90_001), strict=True)
    ]
    tone = ToyVoice(starter.card, ones)
    total = 90_100 * rate // 100
    samples = np.concatenate(list(render_track(phrases, tone, sample_rate=rate, total_samples=total)))
    assert len(samples) == total
    for phrase in phrases[1:]:
        first = phrase.start_frame * rate // 100
        assert samples[first - 1] == 0.0 and abs(samples[first]) > 0.03 * starter.card.gain
    assert plan.total_samples(rate) == round(plan.seconds * rate)


@pytest.mark.parametrize("rate", [44_123, 22_050 + 7, 0, -100])
def test_odd_sample_rates_are_refused(plan, starter, rate):
    with pytest.raises(RenderError, match="44100, 48000, 88200 or 96000"):
        list(render_track(plan.tracks[0].performed.phrases, starter, sample_rate=rate, total_samples=1000))


def test_an_empty_track_is_silence(starter):
    blocks = list(render_track((), starter, sample_rate=48_000, total_samples=100_000))
    assert sum(map(len, blocks)) == 100_000 and not np.concatenate(blocks).any()


def test_overlapping_phrases_are_added(plan, starter):
    phrase = replace(plan.tracks[0].performed.phrases[0], start_frame=0)
    voice = ToyVoice(starter.card, ones)
    one, two = (np.concatenate(list(render_track([phrase] * n, voice, sample_rate=32_000, total_samples=5000))) for n in (1, 2))
    assert two == pytest.approx(2 * one)


def test_a_phrase_beyond_the_end_is_cut(plan, starter):
    phrases = plan.tracks[0].performed.phrases
    blocks = list(render_track(phrases, ToyVoice(starter.card, ones), sample_rate=48_000, total_samples=12_345))
    assert sum(map(len, blocks)) == 12_345


def test_loud_voices_are_limited_and_quiet_ones_unchanged(plan, starter):
    phrase = plan.tracks[0].performed.phrases[0]

    def rendered(level):
        voice = ToyVoice(starter.card, lambda p: np.linspace(0, level, p.frames * 320, dtype=np.float32))
        return render_phrase(phrase, voice, 32_000, None)

    assert rendered(0.8 / starter.card.gain - 1e-3) == pytest.approx(
        starter.card.gain * np.linspace(0, 1, phrase.frames * 320) * (0.8 / starter.card.gain - 1e-3), abs=1e-6
    )
    loud = rendered(5.0)
    assert loud.max() <= 10 ** (CEILING_DBFS / 20)
    assert np.diff(loud[:-320]).min() > -1e-4, "the louder the voice, the louder the stem, until it breaks off"


def test_broken_samples_are_refused_with_their_place(plan, starter, tmp_path):
    broken = ToyVoice(starter.card, lambda p: np.full(p.frames * 320, np.nan, dtype=np.float32))
    cache = PhraseCache(tmp_path)
    with pytest.raises(RenderError, match=r"phrase at 0\.\d\d s came out broken"):
        list(render_track(plan.tracks[0].performed.phrases, broken, sample_rate=48_000, total_samples=99_999, cache=cache))
    assert list(tmp_path.rglob("*.npy")) == []


def test_progress_counts_phrases(plan, starter):
    seen = []
    voice = ToyVoice(starter.card, ones)
    phrases = plan.tracks[0].performed.phrases
    list(
        render_track(
            phrases,
            voice,
            sample_rate=48_000,
            total_samples=plan.total_samples(48_000),
            progress=lambda d, a: seen.append((d, a)),
        )
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


# ---- the cache itself --------------------------------------------------------------------------------------------------

KEY = "ab" + "0" * 38
SOUND = np.linspace(-1, 1, 1000, dtype=np.float32)


def entry(folder: Path) -> Path:
    (path,) = folder.rglob("*.npy")
    return path


def test_stored_phrases_are_loaded(tmp_path):
    cache = PhraseCache(tmp_path)
    assert cache.load(KEY) is None
    cache.store(KEY, SOUND)
    assert cache.load(KEY).tobytes() == SOUND.tobytes()
    assert list(tmp_path.rglob("*.part")) == []


def save(array):
    return lambda path: np.save(path, array, allow_pickle=array.dtype == object)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(b"garbage" * 50),
        lambda path: (path.unlink(), path.mkdir()),
        save(np.array([{"a": 1}], dtype=object)),
        save(SOUND.astype(np.float64)),
        save(SOUND.reshape(2, -1)),
        save(np.array([0.0, np.inf], dtype=np.float32)),
    ],
)
def test_a_damaged_entry_counts_as_missing(tmp_path, damage):
    cache = PhraseCache(tmp_path)
    cache.store(KEY, SOUND)
    damage(entry(tmp_path))
    assert cache.load(KEY) is None


def test_a_damaged_entry_is_rendered_again_and_replaced(plan, counting, render, tmp_path):
    cache = PhraseCache(tmp_path)
    expected = render(plan, voice=counting, cache=cache)
    path = tmp_path / (key := phrase_key(plan.tracks[0].performed.phrases[0], counting))[:2] / f"{key}.npy"
    path.write_bytes(path.read_bytes()[:-4])
    counting.sung.clear()
    assert render(plan, voice=counting, cache=cache).tobytes() == expected.tobytes()
    assert len(counting.sung) == 1 and cache.load(key) is not None


def test_trimming_keeps_what_was_used_last(tmp_path):
    import os

    cache = PhraseCache(tmp_path, limit_bytes=3 * (SOUND.nbytes + 128))
    keys = [f"{i:02x}" + "0" * 38 for i in range(6)]
    for age, key in enumerate(keys):
        cache.store(key, SOUND)
        os.utime(tmp_path / key[:2] / f"{key}.npy", (1000 + age, 1000 + age))
    cache.load(keys[0])  # used: now the youngest
    cache.trim()
    assert [key for key in keys if cache.load(key) is not None] == [keys[0], keys[4], keys[5]]
    PhraseCache(tmp_path / "absent").trim()


def test_an_unwritable_cache_logs_a_warning(plan, render, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with caplog.at_level(logging.WARNING):
        samples = render(plan, cache=PhraseCache(blocked / "cache"))
    assert samples.tobytes() == render(plan).tobytes()
    assert "cannot be written" in caplog.text


def test_a_read_only_cache_serves_what_it_has(plan, render, tmp_path, caplog):
    cache = PhraseCache(tmp_path / "cache")
    expected = render(plan, cache=cache)
    folders = [cache.folder, *(p for p in cache.folder.rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert render(plan, cache=cache).tobytes() == expected.tobytes()
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)


def test_keys_depend_on_phrase_and_voice(plan, starter):
    first, second, _ = plan.tracks[0].performed.phrases
    other = ToyVoice(starter.card, ones)
    assert len({phrase_key(first, starter), phrase_key(second, starter), phrase_key(first, other)}) == 3
    assert phrase_key(replace(first, start_frame=7), starter) == phrase_key(first, starter)
