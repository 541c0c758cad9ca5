"""Synthesizer V Studio projects (.svp): one track is one part, its groups placed at their references; curves and vibrato."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.parameters import SvpCurve
from engine.score.types import Curve, Note, Parameter, Score, TempoMap, Track, Vibrato

from .ds_phonemes import spell
from .json_file import Node, load_json, node, nodes, number, text
from .project import LAST_TICK, MAX_NOTES, PPQ, in_order, is_singable, meters_at_bars, tempo_change, tempo_changes
from .utau_marks import from_utau

WHAT = "Synthesizer V project"
BLICKS_PER_TICK = 705_600_000 / PPQ
LANGUAGES = {
    "english": "en",
    "japanese": "ja",
    "mandarin": "zh",
    "cantonese": "yue",
    "korean": "ko",
    "spanish": "es",
}
MAX_REFERENCES = 10_000
MAX_POINTS = 500_000
_BREATH = re.compile(r"\.?\s*br(?:l?\d)?", re.IGNORECASE)
_SILENCE = re.compile(r"\.?\s*(?:sil|pau|cl)", re.IGNORECASE)
_PHONES = re.compile(r"[a-z]{1,3}[0-2]?(?:\s+[a-z]{1,3}[0-2]?)*")
_DEFAULT_VIBRATO_S, _DEFAULT_VIBRATO_HZ, _DEFAULT_FADE_S = 0.25, 5.5, 0.2
_CENTS_PER_DEPTH = 50.0  # a depth of one semitone goes half a semitone up and down


@dataclass(frozen=True, slots=True)
class _CurveKind:
    parameter: Parameter
    constant: str  # parameter of the voice settings that is added to the curve
    least: float
    most: float


def _curve_kind(parameter: Parameter, curve: SvpCurve) -> _CurveKind:
    spec = parameter.spec
    least, most = (spec.low, spec.high) if curve.limit is None else (-curve.limit, curve.limit)
    return _CurveKind(parameter, curve.constant, least, most)


CURVES = {curve.name: _curve_kind(parameter, curve) for parameter in Parameter if (curve := parameter.spec.svp) is not None}


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of notes at a place of a track."""

    content: Node
    reference: Node

    @property
    def offset(self) -> float:
        return number(self.reference.get("blickOffset"), 0) / BLICKS_PER_TICK


def read_svp(data: bytes, *, title: str) -> Score:
    """Read a project of Synthesizer V Studio 1 or 2."""
    project = load_json(data, WHAT)
    time = node(project.get("time"))
    tempos = tempo_changes(
        tempo_change(number(item.get("position"), 0) / BLICKS_PER_TICK, number(item.get("bpm"), 120))
        for item in nodes(time.get("tempo"))
    )
    tempo_map = TempoMap(PPQ, tempos)
    meters = meters_at_bars(
        (number(item.get("index"), 0), number(item.get("numerator"), 4), number(item.get("denominator"), 4))
        for item in nodes(time.get("meter"))
    )
    library = {text(group.get("uuid")): group for group in nodes(project.get("library"))}
    notices: dict[str, None] = {}
    tracks = []
    for index, track in enumerate(nodes(project.get("tracks"))):
        if node(track.get("mainRef")).get("isInstrumental") is True:
            notices["Audio tracks of the project were left out."] = None
        else:
            tracks.append(_track(track, index, library, tempo_map, notices))
    return Score(title, PPQ, tuple(tracks), tempo_map, meters, tuple(notices))


def _track(track: Node, index: int, library: Mapping[str, Node], tempo_map: TempoMap, notices: dict[str, None]) -> Track:
    name = text(track.get("name")) or f"Track {index + 1}"
    groups = [_Group(node(track.get("mainGroup")), node(track.get("mainRef")))]
    for reference in nodes(track.get("groups"))[:MAX_REFERENCES]:
        content = library.get(text(reference.get("groupID")))
        if content is None:
            notices[f'"{name}" refers to a group of notes that the project does not hold; it was left out.'] = None
        else:
            groups.append(_Group(content, reference))
    heard = [group for group in groups if group.reference.get("mute") is not True]
    if len(heard) < len(groups):
        notices[f'Muted groups of "{name}" stay silent.'] = None
    notes: list[Note] = []
    languages: Counter[str] = Counter()
    for group in heard:
        for item in nodes(group.content.get("notes"))[: MAX_NOTES - len(notes)]:
            language = _language(item, group)
            if note := _note(item, group, language, tempo_map, notices):
                notes.append(note)
                languages[language] += 1
    return Track(
        name,
        in_order(notes),
        tuple(_curves(heard)),
        language=(max(languages, key=lambda code: languages[code]) or None) if languages else None,
        is_muted=node(track.get("mixer")).get("mute") is True,
    )


def _language(item: Node, group: _Group) -> str:
    """Return the note's own language, else that of the singer, "" if there is none."""
    database = node(group.reference.get("database"))
    written = [
        node(item.get("attributes")).get("languageOverride"),
        item.get("languageOverride"),
        database.get("languageOverride"),
    ]
    if text(database.get("name")):
        written.append(database.get("language"))
    return next((LANGUAGES[language] for value in written if (language := text(value).lower()) in LANGUAGES), "")


def _note(item: Node, group: _Group, language: str, tempo_map: TempoMap, notices: dict[str, None]) -> Note | None:
    onset = number(item.get("onset"), -1e15) / BLICKS_PER_TICK + group.offset
    end = onset + number(item.get("duration"), 0) / BLICKS_PER_TICK
    detune = number(item.get("detune"), 0) / 100
    pitch = number(item.get("pitch"), -1e9) + number(group.reference.get("pitchOffset"), 0) + detune
    attributes = node(item.get("attributes"))
    start, length = round(onset), max(1, round(end) - round(onset))
    if not is_singable(onset, end - onset, pitch) or attributes.get("muted") is True:
        return None
    lyric = _lyric(text(item.get("lyrics")), text(item.get("phonemes")), language, notices)
    vibrato = _vibrato(attributes, tempo_map.seconds_at(start + length) - tempo_map.seconds_at(start))
    return Note(start, length, pitch, lyric=lyric, vibrato=vibrato)


def _lyric(lyric: str, phonemes: str, language: str, notices: dict[str, None]) -> str | None:
    """Return the lyric. One that starts with a dot is phonemes; a note's own phonemes are the pronunciation of its word."""
    if _BREATH.fullmatch(lyric) or (_BREATH.fullmatch(phonemes) and not lyric):
        return "AP"
    if _SILENCE.fullmatch(lyric):
        return "R"
    if lyric.startswith(".") and len(lyric) > 1:
        return _with_pronunciation("", lyric[1:].strip(), language, notices)
    word = from_utau(lyric)
    if not phonemes or word in (None, "R", "-") or word.startswith("+") or "[" in word:
        return word
    return _with_pronunciation(word, phonemes, language, notices)


def _with_pronunciation(word: str, phonemes: str, language: str, notices: dict[str, None]) -> str | None:
    if language == "ja" and (spelled := spell([phonemes.split()])):
        romaji = "".join(spelled[0])
        if word:
            return f"{word}[{romaji}]"  # は may be said as wa
        return "ん" if romaji == "n" else romaji  # beside kana a Latin n is a letter
    if language in ("en", "") and _PHONES.fullmatch(phonemes):
        return f"{word.removesuffix('-')}[{phonemes}]{'-' * word.endswith('-')}"
    notices["Phonemes of the project that are not English were left out; its words are read as they are written."] = None
    return word or None


def _vibrato(attributes: Node, seconds: float) -> Vibrato | None:
    """Return a vibrato set by hand; None leaves it to the performance."""
    if attributes.get("dF0Vbr") is None or seconds <= 0:
        return None
    start = number(attributes.get("tF0VbrStart"), _DEFAULT_VIBRATO_S)
    frequency = number(attributes.get("fF0Vbr"), _DEFAULT_VIBRATO_HZ)
    length = min(max(seconds - start, 0.0), seconds)
    if frequency <= 0 or length <= 0:
        return None
    fades = [
        min(100.0, max(0.0, 100 * number(attributes.get(key), _DEFAULT_FADE_S) / length))
        for key in ("tF0VbrLeft", "tF0VbrRight")
    ]
    depth = min(max(number(attributes.get("dF0Vbr"), 0.0), 0.0), 12.0) * _CENTS_PER_DEPTH
    return Vibrato(100 * length / seconds, 1000 / frequency, depth, *fades)


def _curves(groups: Iterable[_Group]) -> Iterable[Curve]:
    for name, kind in CURVES.items():
        points: dict[int, float] = {}
        for group in groups:
            points.update(_points(group, name, kind))
        if any(points.values()):
            ticks = tuple(sorted(points))
            yield Curve(kind.parameter, ticks, tuple(points[tick] for tick in ticks))


def _points(group: _Group, name: str, kind: _CurveKind) -> dict[int, float]:
    """Return a parameter over the notes of a group as line segments, neutral before and behind them."""
    notes = nodes(group.content.get("notes"))[:MAX_NOTES]
    ends = [
        (number(item.get("onset"), 0), number(item.get("onset"), 0) + max(0.0, number(item.get("duration"), 0)))
        for item in notes
    ]
    if not ends:
        return {}
    flat = node(node(group.content.get("parameters")).get(name)).get("points")
    values = [number(value, 0.0) for value in flat[: 2 * MAX_POINTS]] if isinstance(flat, list) else []
    constant = number(node(group.reference.get("voice")).get(kind.constant), 0.0) if kind.constant else 0.0
    drawn = sorted(zip(values[::2], values[1::2], strict=False)) or [(ends[0][0], 0.0)]
    first, last = min(start for start, _ in ends), max(end for _, end in ends)
    drawn = [(min(first, drawn[0][0]), drawn[0][1]), *drawn, (max(last, drawn[-1][0]), drawn[-1][1])]
    points = {
        round(place / BLICKS_PER_TICK + group.offset): round(min(max(value + constant, kind.least), kind.most), 6)
        for place, value in drawn
    }
    points = {tick: value for tick, value in points.items() if 0 <= tick <= LAST_TICK}
    if points and any(points.values()):
        begin, end = min(points), max(points)
        points.update({begin - 1: 0.0} if begin > 0 and points[begin] else {})
        points.update({end + 1: 0.0} if points[end] else {})
    return points
