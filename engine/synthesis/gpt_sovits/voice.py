"""A GPT-SoVITS voice as a `Voice`: it talks as the official program does, and what it says is laid on the score to sing and rap.

Singing: the phrase is spoken; its phones are found by warping against another voice that speaks the same ones; the hidden frames of the
decoder (50 per second) are laid on the score's times and made sound; what remains between that sound's pitch and the score's is moved by PSOLA,
unvoiced parts untouched. Bending the frames rather than the wave lets the decoder sing its own transitions and held vowels.

With a pitch adapter, the networks themselves are told the score, and what they sing lies on it already; PSOLA puts right what is out of tune.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.dsp.time_map import Stretch, TimeMap, warp_frames
from engine.errors import RenderError
from engine.lyrics import to_english_phones
from engine.performance.types import BREATH, FRAME_RATE_HZ, SILENCE, Performance, Utterance
from engine.voice.card import VoiceCard
from engine.voice.gpt_sovits import SAMPLE_RATE
from engine.voice.types import Voice

from ..render import STEM_GAIN
from ..retune import Alignment, is_in_tune, judged_alignment, resung, shaped, spread_phones, sung_likeness, sung_time_map
from .features import FeatureFolder
from .native import can_be_sung_natively, score_plan
from .speech import Fault, Judge, Said, Samples, Talker
from .text import Reading, accent_library, read_utterance

_VERSION = 2  # raise when the same voice would sound different
_REMEMBERED_SPEECH, _REMEMBERED_NOTICES = 32, 4096
# Measured on 28 clips of another speaker: hardly a word as recorded lies outside, half of those cut out and a third of those doubled do.
_SWALLOWED_S, _DOUBLED_S = 0.024, 0.2  # per phone of a word
_DOUBTFUL_COST = 1.08  # of the median phone; noise lies above it, clear speech at 0.9 to 1.0
_NATIVE_TAKES, _LEAST_LIKENESS = 3, 0.65  # see `sung_likeness`
_MOST_HURRY = 1.65
_LEVEL_LIMIT_DB = 40.0
_SPACED = ("en", "ko")  # languages that write spaces between words
_STARTERS_OWN = ("breathiness", "tension", "formant_semitones")


@dataclass(frozen=True, eq=False)
class _Speech:
    """What was said for a phrase, where its phones lie, and what there is to say about both."""

    reading: Reading
    seed: str
    said: Said
    alignment: Alignment
    notices: tuple[str, ...]


class GptSovitsVoice:
    """See the module docstring. `reference` speaks the phones that speech is aligned with, and sets how loud singing is."""

    def __init__(self, talker: Talker, reference: Voice, features: FeatureFolder) -> None:
        self._talker, self._reference = talker, reference
        self._features = features.fingerprint
        self._spoken: OrderedDict[str, _Speech] = OrderedDict()
        self._notices: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._told_setback: str | None = None

    @property
    def card(self) -> VoiceCard:
        return self._talker.card

    @property
    def fingerprint(self) -> str:
        card = self.card
        clip = hashlib.sha256(repr(card.model.get("reference")).encode()).hexdigest()[:12]
        reader = "accents" if accent_library() is not None else "plain"
        return (
            f"{card.kind}-{_VERSION}:{card.sha256}:{clip}:{self._features}:{reader}:{self._talker.fingerprint}:"
            f"{self._reference.fingerprint}"
        )

    def notices(self, performance: Performance) -> tuple[str, ...]:
        """Full sentences about how a performance came out that was synthesised before."""
        return self._notices.get(performance.hash, ())

    def synthesise(self, performance: Performance) -> NDArray[np.float32]:
        """See `engine.voice.types.Voice`. Spoken performances take the time that the voice needs for them."""
        utterance = performance.utterance
        if utterance is None:
            raise RenderError(f"'{self.card.name}' reads words, and this performance was planned for a voice that does not.")
        if utterance.speech_rate is not None:
            samples, notices = self._talked(performance, utterance, utterance.speech_rate)
        else:
            samples, notices = self._sung(performance, utterance)
        if self._talker.setback != self._told_setback:
            self._told_setback = self._talker.setback
            notices = (*notices, str(self._told_setback))
        _remember(self._notices, performance.hash, tuple(dict.fromkeys(notices)), _REMEMBERED_NOTICES)
        return samples

    # --- speech ---------------------------------------------------------------------------------------------------------------

    def _speech(self, performance: Performance, utterance: Utterance, *, is_raw: bool) -> _Speech:
        """The phrase spoken; the same words of the same take are spoken once, whatever their notes."""
        reading = read_utterance(utterance)
        if not reading.symbols:
            raise RenderError(f"The phrase at {performance.start_s:.2f} s has no words that '{self.card.name}' can read.")
        seed = f"{performance.seed}:{' '.join(reading.symbols)}"
        phones = " ".join(phone.symbol for phone in performance.phones if phone.symbol not in (SILENCE, BREATH))
        key = f"{'raw' if is_raw else 'talk'}|{seed}|{phones}"
        speech = self._spoken.get(key) or self._say(performance, utterance, reading, seed, is_raw)
        _remember(self._spoken, key, speech, _REMEMBERED_SPEECH)
        return speech

    def _say(self, performance: Performance, utterance: Utterance, reading: Reading, seed: str, is_raw: bool) -> _Speech:
        said = self._talker.say(reading, seed=seed, judge=self._judge(performance, utterance), is_raw=is_raw)
        notices = list(reading.notices)
        words = _shown(utterance)
        if self._talker.reads_chinese_blindly(reading):
            notices.append(
                "BERT is not there, so Chinese is read without it and may be stressed wrongly. See: vocalese voice fetch."
            )
        if said.faults:
            notices.append(f"{words} {', '.join(said.faults)}, also when said again. Another --seed may do better.")
        elif said.retakes:
            notices.append(f"{words} was said again because words were lost, doubled or did not end.")
        try:
            alignment = judged_alignment(said.samples, SAMPLE_RATE, performance.phones, self._reference)
            is_doubtful = float(np.median(alignment.costs)) > _DOUBTFUL_COST
        except RenderError:
            alignment = Alignment(spread_phones(performance.phones, len(said.samples) / SAMPLE_RATE), ())
            is_doubtful = True
        if is_doubtful:
            notices.append(f"{words} could not be followed well in what the voice said; its sounds may lie beside their notes.")
        told = (*self._talker.conditioning.notices, *notices)
        return _Speech(reading, seed, said, alignment, told)

    def _judge(self, performance: Performance, utterance: Utterance) -> Judge:
        words = list(_words(utterance))

        def listen(samples: Samples) -> Sequence[Fault]:
            try:
                alignment = judged_alignment(samples, SAMPLE_RATE, performance.phones, self._reference)
            except RenderError:
                return (Fault(0.0, len(samples) / SAMPLE_RATE, "was far longer or shorter than its words"),)
            return tuple(word_faults(alignment, words))

        return listen

    # --- talk, song -----------------------------------------------------------------------------------------------------------

    def _talked(self, performance: Performance, utterance: Utterance, rate: float) -> tuple[Samples, tuple[str, ...]]:
        """The official wave from where the first phone was planned; hurried, within limits, where it has to fit."""
        speech = self._speech(performance, utterance, is_raw=False)
        said, notices = speech.said, list(speech.notices)
        natural_s = len(said.samples) / SAMPLE_RATE / rate
        if utterance.length_s is not None and natural_s > utterance.length_s:
            hurry = min(_MOST_HURRY, natural_s / utterance.length_s)
            rate, natural_s = rate * hurry, natural_s / hurry
            if natural_s > 1.02 * utterance.length_s:
                notices.append(f"{_shown(utterance)} takes {natural_s:.1f} s, but has room for {utterance.length_s:.1f} s.")
        samples = said.samples if rate == 1.0 else self._talker.decode(said.codes, said.phones, speech.seed, speed=rate)
        lead_s = next(phone.start_s for phone in performance.phones if phone.symbol not in (SILENCE, BREATH))
        whole = np.concatenate([np.zeros(round(lead_s * SAMPLE_RATE), dtype=np.float32), samples / np.float32(STEM_GAIN)])
        return _at_least(whole, _length(performance)), tuple(notices)

    def _sung(self, performance: Performance, utterance: Utterance) -> tuple[Samples, tuple[str, ...]]:
        """By the pitch adapter, if there is one that can; else speech laid on the score."""
        wanted = self._reference.synthesise(performance)
        sung, notices = self._natively(performance, utterance, wanted) if self._talker.has_adapter else (None, ())
        if sung is None:
            sung, told = self._laid(performance, utterance)
            notices += told
        unheard = [name.partition("_")[0] for name in _STARTERS_OWN if np.any(getattr(performance, name))]
        if unheard:
            notices += (
                f"'{self.card.name}' cannot change its {', '.join(unheard)}; only its pitch, timing and loudness follow.",
            )
        return self._levelled(sung, wanted), notices

    def _laid(self, performance: Performance, utterance: Utterance) -> tuple[Samples, tuple[str, ...]]:
        """Speech on the score's times, moved to its pitch."""
        speech = self._speech(performance, utterance, is_raw=True)
        time_map = _time_map(speech, performance)
        frames = warp_frames(self._talker.hidden(speech.said.codes, speech.said.phones), time_map)
        laid = self._talker.sound_of(frames, speech.seed)
        return resung_in_place(laid, performance, time_map), speech.notices

    def _natively(
        self, performance: Performance, utterance: Utterance, wanted: Samples
    ) -> tuple[Samples | None, tuple[str, ...]]:
        """Sung by the networks themselves; or None, and why that cannot be."""
        name, words = self.card.name, _shown(utterance)
        if not can_be_sung_natively(utterance):
            return None, (f"The pitch adapter of '{name}' knows English only: {words} is spoken and laid on its notes.",)
        plan = score_plan(performance, self._talker.table)
        for number in range(_NATIVE_TAKES):
            seed = f"{performance.seed}:native:{number}"
            native = _as_long(self._talker.sing(plan, self._talker.sing_codes(plan, seed), seed), performance)
            if is_in_tune(native, SAMPLE_RATE, performance):
                sung = shaped(native, SAMPLE_RATE, performance, _in_place(performance))
            else:
                sung = resung(native, SAMPLE_RATE, performance, performance.phones, _in_place(performance))
            if sung_likeness(sung, SAMPLE_RATE, performance, wanted, self._reference.card.sample_rate) >= _LEAST_LIKENESS:
                return sung, ()
        return None, (
            f"The pitch adapter of '{name}' did not make {words} clear in {_NATIVE_TAKES} takes: it is spoken and laid on its notes.",
        )

    def _levelled(self, sung: Samples, wanted: Samples) -> Samples:
        """As loud as the reference voice sings the same (`wanted`), so that voices can be exchanged in a mix."""
        power = float(np.sum(sung.astype(np.float64) ** 2)) / SAMPLE_RATE
        wanted_power = float(np.sum(wanted.astype(np.float64) ** 2)) / self._reference.card.sample_rate
        if power <= 0.0 or wanted_power <= 0.0:
            return sung
        gain_db = float(np.clip(10.0 * np.log10(wanted_power / power), -_LEVEL_LIMIT_DB, _LEVEL_LIMIT_DB))
        return sung * np.float32(10.0 ** (gain_db / 20.0))


def _in_place(performance: Performance) -> TimeMap:
    """Everything where it is, silent in rests and breaths."""
    return TimeMap(
        tuple(
            Stretch(p.start_s, p.end_s, p.start_s, p.end_s, sounds=p.symbol not in (SILENCE, BREATH))
            for p in performance.phones
        )
    )


def resung_in_place(laid: Samples, performance: Performance, time_map: TimeMap) -> Samples:
    """Sound that was bent before it was sound, and so lies on the performance's times already: its pitch and loudness, and its silences."""
    in_place = TimeMap(tuple(replace(s, from_s=s.start_s, to_s=s.end_s) for s in time_map.stretches))
    return resung(_as_long(laid, performance), SAMPLE_RATE, performance, performance.phones, in_place)


def _time_map(speech: _Speech, performance: Performance) -> TimeMap:
    """Raises RenderError if the performance has no room for its phones."""
    try:
        return sung_time_map(speech.alignment.spans, performance)
    except ValueError as error:
        raise RenderError(f"The phrase at {performance.start_s:.2f} s cannot be laid on its notes: {error}.") from error


def _words(utterance: Utterance) -> Iterator[tuple[str, int]]:
    """Each word and the number of its English phones, as performances have them."""
    for word in utterance.words:
        syllables = [s if s.vowel.language == "en" else to_english_phones(s) for s in word]
        yield "".join(s.text for s in word), sum(len(s.phones) for s in syllables)


def word_faults(alignment: Alignment, words: Sequence[tuple[str, int]]) -> Iterator[Fault]:
    """Words with too little or too much time for their phones."""
    spans = [span for span in alignment.spans if span.symbol != SILENCE]
    if sum(count for _, count in words) != len(spans):
        return  # several languages in one word: which phones are whose is not known
    first = 0
    for text, count in words:
        own = spans[first : first + count]
        first += count
        per_phone_s = sum(span.end_s - span.start_s for span in own) / max(1, count)
        if own and not _SWALLOWED_S <= per_phone_s <= _DOUBLED_S:
            what = "lost" if per_phone_s < _SWALLOWED_S else "doubled or drew out"
            yield Fault(own[0].start_s, own[-1].end_s, f"{what} '{text}'")


def _shown(utterance: Utterance, limit: int = 40) -> str:
    separator = " " if any(s.vowel.language in _SPACED for word in utterance.words for s in word) else ""
    text = separator.join("".join(s.text for s in word) for word in utterance.words)
    return f"'{text[:limit]}…'" if len(text) > limit else f"'{text}'"


def _length(performance: Performance) -> int:
    return round(performance.frames * SAMPLE_RATE / FRAME_RATE_HZ)


def _as_long(samples: Samples, performance: Performance) -> Samples:
    return _at_least(samples, _length(performance))[: _length(performance)]


def _at_least(samples: Samples, length: int) -> Samples:
    return np.pad(samples, (0, max(0, length - len(samples))))


def _remember(memory: OrderedDict, key: str, value: object, limit: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > limit:
        memory.popitem(last=False)
