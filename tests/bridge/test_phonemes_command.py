"""`vocalese phonemes` prints what a voice is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.cli import main


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, list[str]]:
    assert main(["phonemes", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_starter_gets_its_own_phones(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "Stay with me") == {"phonemes": "S T EY W IH DH M IY".split(), "notices": []}


def test_the_inventory_of_gpt_sovits(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pypinyin")
    pytest.importorskip("jieba")
    pytest.importorskip("opencc")
    found = told(capsys, "我有100块😀", "--language", "zh", "--inventory", "gpt-sovits")
    assert " ".join(found["phonemes"]) == "w o2 y ou3 y i4 b ai3 k uai4 ."
    assert len(found["notices"]) == 1 and "😀" in found["notices"][0]


def test_hints_and_the_dictionary_count(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("gorblak  G AO1 R\n", encoding="utf-8")
    found = told(capsys, "live[L AY V] gorblak", "--inventory", "gpt-sovits", "--dictionary", str(own))
    assert [s for s in found["phonemes"] if s not in ".,"] == "L AY1 V G AO1 R".split()
    assert "G AO R" in " ".join(told(capsys, "the gorblak", "--dictionary", str(own))["phonemes"])


def test_plain_text_says_the_notices_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phonemes", "the zyxgorblak"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("DH AH ") and "zyxgorblak" in " ".join(rest)


@pytest.mark.parametrize("text", ["", "...", "😀"])
@pytest.mark.parametrize("inventory", [(), ("--inventory", "gpt-sovits")])
def test_nothing_to_say_is_an_error(capsys: pytest.CaptureFixture[str], text: str, inventory: tuple[str, ...]) -> None:
    assert main(["phonemes", text, *inventory]) == 1
    assert "no words" in capsys.readouterr().err


def test_torch_is_not_needed() -> None:
    code = (
        "import sys\nfrom bridge.cli import main\n"
        "main(['phonemes', 'hello there', '--inventory', 'gpt-sovits'])\nmain(['phonemes', 'hello there'])\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
