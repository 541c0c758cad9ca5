"""The plain installation has no package of an extra: commands that need none work, the others name the extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = ("torch", "av", "pyopenjtalk", "scipy", "pocketsphinx", "pyworld", "opencc", "jieba", "ToJyutping", "libresvip")
MAIN = (
    f"import sys\nsys.modules.update(dict.fromkeys({BLOCKED!r}))\nfrom bridge.cli import main\nsys.exit(main(sys.argv[1:]))\n"
)


def run_bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `vocalese` as if no extra were installed."""
    return subprocess.run([sys.executable, "-c", MAIN, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    "arguments",
    [("voices",), ("templates", "list"), ("phonemes", "stay with me"), ("phonemes", "夜桜 3人", "--language", "ja")],
    ids=" ".join,
)
def test_command_works_without_extras(arguments: tuple[str, ...]) -> None:
    done = run_bare(*arguments)
    assert done.returncode == 0 and done.stdout and not done.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("voice", "train", "recipe.toml"), "train"),
        (("voice", "adapt", "me", "--data", "recordings"), "gpt-sovits"),
        (("voice", "import", "me", "--gpt", "a.ckpt", "--sovits", "b.pth"), "gpt-sovits"),
    ],
)
def test_message_names_the_extra(arguments: tuple[str, ...], extra: str) -> None:
    done = run_bare(*arguments)
    told = done.stdout + done.stderr
    assert f"pip install 'vocalese[{extra}]'" in told and "Traceback" not in told
    assert len(told.strip().splitlines()) <= 3
