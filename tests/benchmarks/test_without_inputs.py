"""`make bench` runs every script without arguments: those that need files to be given say so in one line and go on."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize(("name", "wanted"), [("parity", "give their folder as DIR"), ("singing_sovits", "give RUN")])
def test_missing_inputs_are_named(name: str, wanted: str, monkeypatch, tmp_path, capsys) -> None:
    script = importlib.import_module(name)
    monkeypatch.setattr(script, "DEFAULT_FOLDER", tmp_path / "none", raising=False)
    assert script.main([]) == 0
    said = capsys.readouterr().out
    assert said.startswith("skipped: ") and wanted in said and said.count("\n") == 1


def test_a_missing_folder_is_an_error(tmp_path) -> None:
    assert importlib.import_module("parity").main([str(tmp_path / "none")]) == 2
    assert importlib.import_module("parity").main([str(tmp_path)]) == 1, "nothing compared is no success"
