"""The documentation names what exists: options, commands, presets, controllers, links, examples of marks."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.cli import build_parser
from bridge.stems.fx import preset_names
from engine import CONTROLLERS
from engine.lyrics import NoteKind, lay_lyrics
from engine.lyrics.languages import LANGUAGES, language_for
from engine.score import READABLE_SUFFIXES, Note, Track

ROOT = Path(__file__).parents[2]
BESIDE_DOCS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "examples/README.md")
PAGES = [*(ROOT / name for name in BESIDE_DOCS), *sorted((ROOT / "docs").glob("*.md"))]
OTHER_PROGRAMS = {"--pip-args", "--extra-index-url", "--index-url"}


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Parsers of all commands with their full names."""
    waiting = [("", build_parser())]
    while waiting:
        name, parser = waiting.pop()
        yield name, parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += [(f"{name} {key}".strip(), child) for key, child in action.choices.items()]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_exist(page: Path) -> None:
    known = {option for _, parser in parsers() for action in parser._actions for option in action.option_strings}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text_of(page)))
    assert named - known - OTHER_PROGRAMS == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    known = {name.split()[0] for name, _ in parsers() if name}
    named = set(re.findall(r"(?:^    |^|`|bin/)vocalese ([a-z]+)", text_of(page), re.MULTILINE))
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)\)", text_of(page)):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_files_named_in_contributing_exist() -> None:
    named = set(
        re.findall(
            r"\b(?:engine|bridge|tests|research|daw_templates|benchmarks)/[\w/]+\.\w+", text_of(ROOT / "CONTRIBUTING.md")
        )
    )
    assert named and not [name for name in sorted(named) if not (ROOT / name).exists()]


def test_all_presets_are_named() -> None:
    assert all(f"`{name}`" in text_of(ROOT / "README.md") for name in preset_names())


def test_all_controllers_are_named() -> None:
    page = text_of(ROOT / "docs" / "controllers.md")
    assert all(f"CC{controller.number} " in page for controller in CONTROLLERS if controller.parameter is not None)


def test_named_score_formats_are_read() -> None:
    rows = [line for line in text_of(ROOT / "README.md").splitlines() if line.startswith("| ") and "yes" in line]
    named = {suffix for row in rows for suffix in re.findall(r"`(\.[a-z]+)`", row.split("|")[1])}
    assert named - {".txt", ".lrc"} <= set(READABLE_SUFFIXES)


def test_all_commands_are_in_the_readme() -> None:
    readme = text_of(ROOT / "README.md")
    assert all(f"vocalese {name}" in readme for name, _ in parsers() if name and name != "voice")


@pytest.mark.parametrize(
    ("written", "sung"),
    [
        ("love", "L AH V"),
        ("hum-|ming", "HH AH|M IH NG"),
        ("beau-|ti-|ful", "B Y UW|T AH|F AH L"),
        ("beautiful|+|+", "B Y UW|T AH|F AH L"),
        ("beautiful|+3", "B Y UW T AH|F AH L"),
        ("a-|-|way", "AH|hold|W EY"),
        ("love|-", "L AH V|hold"),
        ("love|AP|-", "L AH V|breath|AH"),
        ("beautiful||", "B Y UW|T AH|F AH L"),
        ("love||_", "L AH V|hold|hold"),
        ("stay with me||", "S T EY|W IH DH|M IY"),
        ("AP|br|R|SP", "breath|breath|rest|rest"),
        ("read[r eh d]|[hh ah]", "R EH D|HH AH"),
        ("the|end", "DH IY|EH N D"),
        ("*love*", "L AH V"),
        ("*beau*-|ti-|ful", "B Y UW|T AH|F AH L"),
    ],
)
def test_marks_match_the_lyrics_page(written: str, sung: str) -> None:
    notes = tuple(Note(480 * i, 480, 60.0, 100, lyric or None) for i, lyric in enumerate(written.split("|")))
    laid = lay_lyrics(Track("", notes)).notes
    heard = [
        " ".join(phone.symbol for syllable in lyric.syllables for phone in syllable.phones)
        if lyric.kind is NoteKind.SING
        else lyric.kind.value
        for lyric in laid
    ]
    assert "|".join(heard) == sung


def test_every_language_has_rules_and_is_on_the_page() -> None:
    assert all(language_for(code) is not None for code in LANGUAGES)
    page = text_of(ROOT / "docs" / "lyrics.md")
    assert all(f"`{code}`" in page for code in LANGUAGES if code != "en")
