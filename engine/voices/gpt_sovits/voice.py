"""GPT-SoVITS voices: talk as in the official program, singing and rap by laying that speech on the score.

Singing: the phrase is spoken; its phones are found by time warping against another voice that speaks the same ones; the hidden frames of
the decoder (50 per second) are stretched to the score's times and decoded; the remaining difference in pitch is corrected by PSOLA, which
leaves unvoiced parts unchanged. Stretching frames instead of the wave lets the decoder produce transitions and held vowels itself.

With a pitch adapter, the networks are conditioned on the score, and PSOLA corrects only what is out of tune.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.dsp.time_map import Stretch, TimeMap, warp_frames
from engine.errors import RenderError
from engine.lyrics import missing_for_words, to_english_phones
from engine.lyrics.languages.openjtalk import open_jtalk_name
from engine.performance.types import BREATH, SILENCE, Performance, Utterance
from engine.units import FRAME_RATE_HZ, db_to_gain
from engine.voices.card import VoiceCard
from engine.voices.types import Voice

from .alignment import Alignment, align_with_costs, phone_similarity, spread_phones
from .encoders import FeatureFolder
from .importer import SAMPLE_RATE
from .reading import Reading
from .retune import apply_dynamics, is_in_tune, resynthesise
from .score_plan import can_be_sung_natively, score_plan
from .speech import SpeechResult, TextToSpeech
from .sung_times import sung_time_map
from .takes import DefectDetector, Samples, SpeechDefect
from .text import read_utterance

_T = TypeVar("_T")

_VERSION = 4  # raise when the same voice would sound different
_REMEMBERED_SPEECH, _REMEMBERED_NOTICES = 32, 4096
# Measured on 28 clips of another speaker: nearly all recorded words lie inside, half of the deleted and a third of the doubled ones outside.
_SWALLOWED_S, _DOUBLED_S = 0.024, 0.2  # per phone of a word
_DOUBTFUL_COST = 1.08  # of the median phone; noise lies above it, clear speech at 0.9 to 1.0
_NATIVE_TAKES, _LEAST_LIKENESS = 3, 0.65  # see `phone_similarity`
_MOST_HURRY = 1.65
_LEVEL_LIMIT_DB = 40.0
_SPACED = ("en", "ko")  # languages that write spaces between words
_STARTERS_OWN = ("breathiness", "tension", "formant_semitones")


@dataclass(frozen=True, eq=False)
class _Speech:
    """The speech of a phrase, the places of its phones, and notices about both."""

    reading: Reading
    seed: str
    said: SpeechResult
    alignment: Alignment
    notices: tuple[str, ...]


class GptSovitsVoice:
    """An imported voice. `reference` speaks the phones for the alignment, and sets the loudness of singing."""

    def __init__(self, talker: TextToSpeech, reference: Voice, features: FeatureFolder) -> None:
        self._talker, self._reference = talker, reference
        self._features = features.fingerprint
        self._spoken: OrderedDict[str, _Speech] = OrderedDict()
        self._notices: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._reported_fallback: str | None = None

    @property
    def card(self) -> VoiceCard:
        return self._talker.card

    @property
    def fingerprint(self) -> str:
        card = self.card
        clip = hashlib.sha256(repr(card.model.get("reference")).encode()).hexdigest()[:12]
        readers = hashlib.sha256(f"{open_jtalk_name()} {missing_for_words()}".encode()).hexdigest()[:12]
        return (
            f"{card.kind}-{_VERSION}:{card.sha256}:{clip}:{self._features}:{readers}:{self._talker.fingerprint}:"
            f"{self._reference.fingerprint}"
        )

    def notices(self, performance: Performance) -> tuple[str, ...]:
        """Return full sentences about a performance that was synthesised before."""
        return self._notices.get(performance.hash, ())

    def synthesise(self, performance: Performance) -> NDArray[np.float32]:
        """Return samples, see `engine.voices.types.Voice`. Spoken performances take the time that the voice needs."""
        utterance = performance.utterance
        if utterance is None:
            raise RenderError(f"'{self.card.name}' reads words, and this performance was planned for a voice that does not.")
        if utterance.speech_rate is not None:
            samples, notices = self._talked(performance, utterance, utterance.speech_rate)
        else:
            samples, notices = self._sung(performance, utterance)
        if self._talker.fallback_reason != self._reported_fallback:
            self._reported_fallback = self._talker.fallback_reason
            notices = (*notices, str(self._reported_fallback))
        _remember(self._notices, performance.hash, tuple(dict.fromkeys(notices)), _REMEMBERED_NOTICES)
        return samples

    # --- speech ---------------------------------------------------------------------------------------------------------------

    def _speech(self, performance: Performance, utterance: Utterance, *, is_raw: bool) -> _Speech:
        """Return the spoken phrase; the same words of the same take are spoken once, whatever their notes."""
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
        said = self._talker.say(reading, seed=seed, detector=self._detector(performance, utterance), is_raw=is_raw)
        notices = list(reading.notices)
        words = _shown(utterance)
        if self._talker.reads_chinese_blindly(reading):
            notices.append(
                "BERT is not there, so Chinese is read without it and may be stressed wrongly. See: vocalese voice fetch."
            )
        if said.defects:
            notices.append(f"{words} {', '.join(said.defects)}, also when said again. Another --seed may do better.")
        elif said.retakes:
            notices.append(f"{words} was said again because words were lost, doubled or did not end.")
        try:
            alignment = align_with_costs(said.samples, SAMPLE_RATE, performance.phones, self._reference)
            is_doubtful = float(np.median(alignment.costs)) > _DOUBTFUL_COST
        except RenderError:
            alignment = Alignment(spread_phones(performance.phones, len(said.samples) / SAMPLE_RATE), ())
            is_doubtful = True
        if is_doubtful:
            notices.append(f"{words} could not be followed well in what the voice said; its sounds may lie beside their notes.")
        told = (*self._talker.conditioning.notices, *notices)
        return _Speech(reading, seed, said, alignment, told)

    def _detector(self, performance: Performance, utterance: Utterance) -> DefectDetector:
        words = list(_words(utterance))

        def listen(samples: Samples) -> Sequence[SpeechDefect]:
            try:
                alignment = align_with_costs(samples, SAMPLE_RATE, performance.phones, self._reference)
            except RenderError:
                return (SpeechDefect(0.0, len(samples) / SAMPLE_RATE, "was far longer or shorter than its words"),)
            return tuple(word_defects(alignment, words))

        return listen

    # --- talk, song -----------------------------------------------------------------------------------------------------------

    def _talked(self, performance: Performance, utterance: Utterance, rate: float) -> tuple[Samples, tuple[str, ...]]:
        """Return the official wave from the planned start of the first phone; faster, within limits, if it has to fit."""
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
        whole = np.concatenate([np.zeros(round(lead_s * SAMPLE_RATE), dtype=np.float32), samples])
        return _at_least(whole, _length(performance)), tuple(notices)

    def _sung(self, performance: Performance, utterance: Utterance) -> tuple[Samples, tuple[str, ...]]:
        """Sing with the pitch adapter if there is one; otherwise lay speech on the score."""
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
        """Return speech at the score's times and pitch."""
        speech = self._speech(performance, utterance, is_raw=True)
        time_map = _time_map(speech, performance)
        frames = warp_frames(self._talker.hidden(speech.said.codes, speech.said.phones), time_map)
        laid = self._talker.sound_of(frames, speech.seed)
        return resynthesise_in_place(laid, performance, time_map), speech.notices

    def _natively(
        self, performance: Performance, utterance: Utterance, wanted: Samples
    ) -> tuple[Samples | None, tuple[str, ...]]:
        """Return the phrase sung by the networks themselves; or None, and notices that say why."""
        name, words = self.card.name, _shown(utterance)
        if not can_be_sung_natively(utterance):
            return None, (f"The pitch adapter of '{name}' knows English only: {words} is spoken and laid on its notes.",)
        plan = score_plan(performance, self._talker.table)
        for number in range(_NATIVE_TAKES):
            seed = f"{performance.seed}:native:{number}"
            native = _as_long(self._talker.sing(plan, self._talker.sing_codes(plan, seed), seed), performance)
            if is_in_tune(native, SAMPLE_RATE, performance):
                sung = apply_dynamics(native, SAMPLE_RATE, performance, _in_place(performance))
            else:
                sung = resynthesise(native, SAMPLE_RATE, performance, performance.phones, _in_place(performance))
            if phone_similarity(sung, SAMPLE_RATE, performance, wanted, self._reference.card.sample_rate) >= _LEAST_LIKENESS:
                return sung, ()
        return None, (
            f"The pitch adapter of '{name}' did not make {words} clear in {_NATIVE_TAKES} takes: it is spoken and laid on its notes.",
        )

    def _levelled(self, sung: Samples, wanted: Samples) -> Samples:
        """Give the samples the loudness of the reference voice (`wanted`), so that voices can be exchanged in a mix."""
        power = float(np.sum(sung.astype(np.float64) ** 2)) / SAMPLE_RATE
        wanted_power = float(np.sum(wanted.astype(np.float64) ** 2)) / self._reference.card.sample_rate
        if power <= 0.0 or wanted_power <= 0.0:
            return sung
        gain_db = float(np.clip(10.0 * np.log10(wanted_power / power), -_LEVEL_LIMIT_DB, _LEVEL_LIMIT_DB))
        return sung * np.float32(db_to_gain(gain_db) * self._reference.card.gain / self.card.gain)


def _in_place(performance: Performance) -> TimeMap:
    """Return a map that moves nothing, silent in rests and breaths."""
    return TimeMap(
        tuple(
            Stretch(p.start_s, p.end_s, p.start_s, p.end_s, sounds=p.symbol not in (SILENCE, BREATH))
            for p in performance.phones
        )
    )


def resynthesise_in_place(laid: Samples, performance: Performance, time_map: TimeMap) -> Samples:
    """Correct pitch and loudness of sound whose hidden frames were stretched, so that it has the performance's times already."""
    in_place = TimeMap(tuple(replace(s, from_s=s.start_s, to_s=s.end_s) for s in time_map.stretches))
    return resynthesise(_as_long(laid, performance), SAMPLE_RATE, performance, performance.phones, in_place)


def _time_map(speech: _Speech, performance: Performance) -> TimeMap:
    """Return the map of speech to the performance. Raises RenderError if the performance has no room for its phones."""
    try:
        return sung_time_map(speech.alignment.spans, performance)
    except ValueError as error:
        raise RenderError(f"The phrase at {performance.start_s:.2f} s cannot be laid on its notes: {error}.") from error


def _words(utterance: Utterance) -> Iterator[tuple[str, int]]:
    """Yield each word and the number of its English phones in performances."""
    for word in utterance.words:
        syllables = [s if s.vowel.language == "en" else to_english_phones(s) for s in word]
        yield "".join(s.text for s in word), sum(len(s.phones) for s in syllables)


def word_defects(alignment: Alignment, words: Sequence[tuple[str, int]]) -> Iterator[SpeechDefect]:
    """Yield words with too little or too much time for their phones."""
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
            yield SpeechDefect(own[0].start_s, own[-1].end_s, f"{what} '{text}'")


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


def _remember(memory: OrderedDict[str, _T], key: str, value: _T, limit: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > limit:
        memory.popitem(last=False)
