"""Times of phones: vowels on the beat, consonants before it, codas at the end of the note.

Works on one phrase, in seconds. Durations of consonants come from a table of careful sung English. In a fast line they shrink together to
a share of the note whose time they use, and stay above an audible minimum while there is room for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.lyrics.types import Phone, Syllable

from .types import BREATH, SILENCE, PhoneSpan

# Seconds for an onset consonant at an easy tempo (tuned on recognised sung words).
CONSONANT_S = {
    "P": 0.080, "T": 0.080, "K": 0.085, "B": 0.060, "D": 0.055, "G": 0.060, "CH": 0.100, "JH": 0.090,
    "F": 0.090, "TH": 0.090, "S": 0.110, "SH": 0.110, "HH": 0.075, "V": 0.055, "DH": 0.045, "Z": 0.080, "ZH": 0.080,
    "M": 0.060, "N": 0.060, "NG": 0.060, "L": 0.090, "R": 0.090, "W": 0.100, "Y": 0.100,
}  # fmt: skip
DEFAULT_CONSONANT_S = 0.06
ONSET_STRETCH = 1.2  # of consonants before a vowel: sung words are heard better (of 394, at 0.5 s a syllable, 0.75 to 0.77)
CODA_STRETCH = 1.2
FINAL_CODA_STRETCH = 1.35
MINIMUM_PHONE_S = 0.025
MINIMUM_VOWEL_S = 0.045
MAXIMUM_LEAD_S = 0.22
EMPHASIS_STRETCH = 1.2  # of the consonants before an emphasised vowel
GLOTTAL_GAP_S = 0.04
PHRASE_GAP_S = 0.25  # a longer silence begins another phrase
PAD_AFTER_S = 0.15  # silence at the end of a phrase
RELEASE_S = 0.03  # a vowel before a rest fades this long after the note
CODA_PAST_NOTE = 0.45  # share of a coda before a rest that may sound after the note's end…
CODA_PAST_NOTE_S = 0.09  # …up to this long
_BORROW_S, _BORROW_SHARE = 0.075, 0.18  # consonants may take this much from a legato note


@dataclass(frozen=True, slots=True)
class SungSyllable:
    """A syllable with the notes it is held over. `onset_s`: time of its vowel; `offset_s`: end of its last note."""

    syllable: Syllable
    onset_s: float
    offset_s: float
    note_index: int


def lay_phones(sung: Sequence[SungSyllable], *, lead_limit_s: float, tail_limit_s: float, bridge_s: float) -> list[PhoneSpan]:
    """Return the phones of one phrase, ascending, without overlap; gaps between them are silence.

    `lead_limit_s`: time before the first vowel that its consonants may use; `tail_limit_s`: time after the last note.
    Gaps shorter than `bridge_s` between notes are sung through.
    """
    spans: list[PhoneSpan] = []
    lead = _lead_durations(sung[0].syllable, min(lead_limit_s, MAXIMUM_LEAD_S))
    _append(spans, sung[0], sung[0].syllable.onset, lead, sung[0].onset_s - sum(lead))
    for this, following in zip(sung, [*sung[1:], None], strict=True):
        gap_s = following.onset_s - this.offset_s if following else None
        if following is None or (gap_s is not None and gap_s >= bridge_s):
            limit_s = tail_limit_s if following is None else 0.5 * (gap_s or 0.0)
            _lay_before_rest(spans, this, limit_s)
            if following is not None:
                room_s = following.onset_s - spans[-1].end_s
                lead = _lead_durations(following.syllable, min(room_s, MAXIMUM_LEAD_S))
                _append(spans, following, following.syllable.onset, lead, following.onset_s - sum(lead))
        else:
            _lay_legato(spans, this, following)
    return spans


def _lay_before_rest(spans: list[PhoneSpan], sung: SungSyllable, tail_limit_s: float) -> None:
    """Append vowel and coda of a syllable before a rest; the coda may end a little after the note."""
    syllable = sung.syllable
    length_s = sung.offset_s - sung.onset_s
    coda = [seconds * FINAL_CODA_STRETCH for seconds in consonant_durations(syllable.coda)]
    past_s = min(CODA_PAST_NOTE * sum(coda), CODA_PAST_NOTE_S, tail_limit_s) if coda else min(RELEASE_S, tail_limit_s)
    coda = squeeze(coda, max(past_s + 0.45 * length_s, MINIMUM_PHONE_S * len(coda)))
    end_s = sung.offset_s + past_s
    vowel_end_s = max(sung.onset_s + min(MINIMUM_VOWEL_S, 0.5 * length_s), end_s - sum(coda))
    coda = squeeze(coda, end_s - vowel_end_s)
    spans.append(PhoneSpan(syllable.vowel.symbol, sung.onset_s, vowel_end_s, sung.note_index, syllable.stress))
    _append(spans, sung, syllable.coda, coda, vowel_end_s)


def _lay_legato(spans: list[PhoneSpan], this: SungSyllable, following: SungSyllable) -> None:
    """Append vowel and coda of `this` and the onset of `following`, all before the next vowel."""
    space_s = following.onset_s - this.onset_s
    coda = [seconds * CODA_STRETCH for seconds in consonant_durations(this.syllable.coda)]
    onset = onset_durations(following.syllable)
    pause_s = GLOTTAL_GAP_S if following.syllable.glottal_onset and not onset else 0.0
    wanted = [*coda, *onset]
    borrow_s = max(_BORROW_S + _BORROW_SHARE * space_s, MINIMUM_PHONE_S * len(wanted)) - pause_s
    borrow_s = min(borrow_s, max(0.0, space_s - min(MINIMUM_VOWEL_S, 0.4 * space_s)))
    fitted = squeeze(wanted, borrow_s)
    coda, onset = fitted[: len(coda)], fitted[len(coda) :]
    vowel_end_s = following.onset_s - sum(fitted) - min(pause_s, 0.2 * space_s)
    spans.append(PhoneSpan(this.syllable.vowel.symbol, this.onset_s, vowel_end_s, this.note_index, this.syllable.stress))
    _append(spans, this, this.syllable.coda, coda, vowel_end_s)
    _append(spans, following, following.syllable.onset, onset, following.onset_s - sum(onset))


def _append(
    spans: list[PhoneSpan], sung: SungSyllable, phones: Sequence[Phone], seconds: Sequence[float], start_s: float
) -> None:
    for phone, length_s in zip(phones, seconds, strict=True):
        spans.append(PhoneSpan(phone.symbol, start_s, start_s + length_s, sung.note_index, sung.syllable.stress))
        start_s += length_s


def consonant_durations(phones: Sequence[Phone]) -> list[float]:
    """Return durations at an easy tempo, seconds; a consonant in a cluster is shorter than one alone."""
    shrink = 1.0 if len(phones) < 2 else 0.85
    return [shrink * CONSONANT_S.get(phone.symbol, DEFAULT_CONSONANT_S) for phone in phones]


def onset_durations(syllable: Syllable) -> list[float]:
    """Return durations at an easy tempo, seconds, of the consonants before the vowel; longer if the syllable is emphasised."""
    stretch = ONSET_STRETCH * (EMPHASIS_STRETCH if syllable.is_emphasised else 1.0)
    return [stretch * seconds for seconds in consonant_durations(syllable.onset)]


def _lead_durations(syllable: Syllable, limit_s: float) -> list[float]:
    return squeeze(onset_durations(syllable), max(limit_s, 0.0))


def squeeze(seconds: Sequence[float], limit_s: float) -> list[float]:
    """Scale durations down to fit `limit_s`; short phones keep their minimum as long as that fits."""
    total = sum(seconds)
    if total <= limit_s or not seconds:
        return list(seconds)
    floor = min(MINIMUM_PHONE_S, limit_s / len(seconds))
    spare = limit_s - floor * len(seconds)
    above = [max(0.0, length - floor) for length in seconds]
    scale = spare / sum(above) if sum(above) > 0 else 0.0
    return [floor + extra * scale for extra in above]


def with_silences(spans: Sequence[PhoneSpan], length_s: float) -> tuple[PhoneSpan, ...]:
    """Fill gaps with `SIL` so that the spans cover 0 .. length_s. Gaps under 5 ms are closed."""
    filled: list[PhoneSpan] = []
    at_s = 0.0
    for span in spans:
        if span.start_s - at_s > 0.005:
            filled.append(PhoneSpan(SILENCE, at_s, span.start_s))
            at_s = span.start_s
        filled.append(replace(span, start_s=at_s))
        at_s = span.end_s
    if length_s > at_s:
        filled.append(PhoneSpan(SILENCE, at_s, length_s))
    return tuple(filled)


def breath(start_s: float, end_s: float) -> PhoneSpan:
    """Return an audible intake of air."""
    return PhoneSpan(BREATH, start_s, end_s)
