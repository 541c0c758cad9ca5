"""The language that a score says its words are in."""

from __future__ import annotations

import pytest

from engine.score import read_score
from engine.score.formats.midi_text import karaoke_language

SCORE = """<?xml version="1.0"?><score-partwise version="4.0">{defaults}<part-list><score-part id="P1"><part-name>V</part-name></score-part>
</part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes><note><pitch><step>C</step><octave>4</octave>
</pitch><duration>4</duration><lyric number="1"{lyric}><syllabic>single</syllabic><text>Nacht</text></lyric></note></measure></part>
</score-partwise>"""


@pytest.mark.parametrize(
    ("defaults", "lyric", "language"),
    [
        ('<defaults><lyric-language xml:lang="de-AT"/></defaults>', "", "de-at"),
        ('<defaults><lyric-language number="2" xml:lang="it"/></defaults>', ' xml:lang="fr"', "fr"),
        ("", ' xml:lang="yue"', "yue"),
        ("", "", None),
    ],
)
def test_musicxml(tmp_path, defaults: str, lyric: str, language: str | None) -> None:
    path = tmp_path / "song.musicxml"
    path.write_text(SCORE.format(defaults=defaults, lyric=lyric), encoding="utf-8")
    assert [track.language for track in read_score(path).tracks] == [language]


@pytest.mark.parametrize(("header", "language"), [("@LGERM", "de"), ("@LFREN", "fr"), ("@LENGL", "en"), ("@LRUSS", None)])
def test_karaoke(header: str, language: str | None) -> None:
    assert karaoke_language(header) == language
