"""A new language needs one module and one row in `engine.languages`."""

import json
import os
import subprocess
import sys
from pathlib import Path

MODULE = """
from engine.lyrics.languages.base import BaseLanguage, Pronunciation
from engine.lyrics.types import Phone, Syllable

WORDS = {"ми": ("m", "i"), "ла": ("l", "a"), "тоно": ("t", "o", "n", "o")}


class Dummy(BaseLanguage):
    code = "qd"
    english_phones = {"m": "M", "i": "IY", "l": "L", "a": "AA", "t": "T", "o": "OW", "n": "N"}

    def accepts(self, word):
        return word in WORDS

    def pronounce(self, word, *, wanted=None, before="", after=""):
        pairs = [WORDS.get(word, ())[i : i + 2] for i in range(0, len(WORDS.get(word, ())), 2)]
        last = len(pairs) - 1
        return Pronunciation(tuple(
            Syllable(tuple(Phone("qd", s) for s in pair), 1, "".join(pair), word, is_word_start=i == 0, is_word_end=i == last)
            for i, pair in enumerate(pairs)
        ))
"""
SCRIPT = """
import json
from types import MappingProxyType
import engine.languages as registry

row = registry.LanguageRow("Dummy", "dummy_language.Dummy", scripts=("Cyrillic",))
registry.LANGUAGES = MappingProxyType({**registry.LANGUAGES, "qd": row})

import engine
from bridge.cli import build_parser
from bridge.protocol.fields import LANGUAGES_HINT

notes = tuple(engine.Note(480 * i, 480, 60.0) for i in range(4))
score = engine.Score("song", 480, (engine.Track("voice", notes),), engine.TempoMap(480))
card = engine.load_voice(engine.STARTER_NAME).card
words = engine.WordSettings(language="qd")
planned = engine.plan_score(score, card, engine.PerformanceSettings(), words=words, text=engine.parse_lyric_text("ми тоно ла"))
sung = [s for note in planned.tracks[0].syllables.notes for s in note.syllables]
print(json.dumps({
    "listed": "qd" in engine.LANGUAGES,
    "option": build_parser().parse_args(["inspect", "a.mid", "--language", "qd"]).language,
    "osc": LANGUAGES_HINT,
    "sung": [[p.symbol for p in s.phones] for s in sung],
    "warnings": planned.tracks[0].warnings,
}))
"""


def test_one_row_and_one_module_register_a_language(tmp_path: Path) -> None:
    (tmp_path / "dummy_language.py").write_text(MODULE, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["listed"]
    assert found["option"] == "qd"
    assert "qd" in found["osc"].split(";")[0].split(", ")
    assert found["sung"] == [["M", "IY"], ["T", "OW"], ["N", "OW"], ["L", "AA"]]
    assert found["warnings"] == ["'kathleen' speaks en; Dummy ('qd') is sung with its English sounds, as an accent."]
