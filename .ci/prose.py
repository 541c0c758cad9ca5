"""Check the English of docstrings, comments and Markdown: `python .ci/prose.py FILE-OR-FOLDER…`. Ends with 1 and a line per offence.

A docstring begins with a verb or a noun, not with a question word; a statement never begins with "What" or "Whether". The terms of the
glossary (CONTRIBUTING.md) replace home-made ones. Markdown is checked without its code blocks; tables only for terms.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

FIRST_WORDS = frozenset(
    "what where whether once how which when who whose why if that nobody nothing none whoever whatever wherever whenever".split()
)
SENTENCE_WORDS = ("What", "Whether", "Whatever", "Whoever", "Who", "Which")
REPLACED = {  # home-made words: the field's term
    r"\b(?:process|interpreter) of its own\b": "subprocess, or separate process",
    r"\bthread of its own\b": "separate thread",
    r"\bthe interpreter\b": "the GIL",
    r"\brehears(?:e|es|ed|al|als|ing)\b(?! (?:mark|letter|number))": "warm-up, keep-warm",
    r"\blast words\b": "stderr",
    r"\boverhear\w*": "logs",
    r"\bby and by\b": "periodically",
    r"\bunasked\b": "by default",
    r"\bjudges?\b|\bjudgements?\b": "discriminator, check",
    r"\b(?:keeps?|kept) (?:its|their) calm\b": "tolerates",
    r"\bnobody (?:hears|played|sent|is to hear)\b": "silent",
    r"\bdoorkeeper\b": "token check",
    r"\bgoes? the way of\b": "is handled like",
    r"\bin bad moments\b": "in the worst case",
    r"\bmay not be heard\b|\bmust not be heard\b": "inaudible",
    r"\bthere (?:is|are) to (?!the\b)\w+": "the thing itself, without 'there is to'",
    r"\bhears? of\b": "is notified, receives",
    r"\b(?:unless|until) told\b": "by default, unless set",
    r"\blonger than nothing\b": "positive",
    r"\bclock on the wall\b": "wall clock",
    r"\bstands? (?:a|the|floods?|hostile)\b": "tolerates",
    r"\bhostile packets\b": "malformed packets",
}
_SKIPPED_FOLDERS = frozenset(("site", "build", "__pycache__", "node_modules"))


def offences(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and messages for one file."""
    source = path.read_text(encoding="utf-8")
    texts = _markdown_texts(source) if path.suffix == ".md" else _python_texts(source)
    for line, kind, text in texts:
        if kind == "docstring":
            word = re.match(r"[\W_]*(\w*)", text)
            if word and word.group(1).lower() in FIRST_WORDS:
                yield line, f"docstring begins with '{word.group(1)}': begin with a verb or a noun"
                text = text[word.end() :]
        if kind in ("docstring", "paragraph"):
            yield from ((line, message) for message in _sentence_offences(text))
        for pattern, better in REPLACED.items():
            if found := re.search(pattern, " ".join(text.split()), re.IGNORECASE):
                yield line, f"'{found.group()}': write {better}"


def _sentence_offences(text: str) -> Iterator[str]:
    for sentence in re.split(r"(?<=[.!?])\s+|\n\n", text):
        first = re.match(r"[*_\-\d.\s]*(\w+)", sentence)
        if first and first.group(1) in SENTENCE_WORDS and not sentence.rstrip("* ").endswith("?"):
            yield f"sentence begins with '{first.group(1)}': name the thing"


def _python_texts(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, kind ("docstring" or "comment") and text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.body[0].lineno, "docstring", text
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], "comment", token.string


def _markdown_texts(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, kind ("paragraph", "table" or "heading") and text, without code. A list item is a paragraph."""
    lines: list[str] = []
    start, is_code = 0, False
    for number, line in enumerate([*source.splitlines(), ""], 1):
        if line.startswith("```"):
            is_code = not is_code
        text = re.sub(r"`[^`]*`", "`", line)
        is_plain = not (is_code or line.startswith(("    ", "```", "|", "#", "<!--")))
        ends = not line.strip() or not is_plain or re.match(r"\s*(?:[-*]|\d+\.) ", line)
        if ends and lines:
            yield start, "paragraph", " ".join(lines)
            lines = []
        if is_plain and line.strip():
            start = start if lines else number
            lines.append(text)
        elif line.startswith(("|", "#")) and not is_code:
            yield number, "table" if line.startswith("|") else "heading", text


def _files(given: str) -> Iterator[Path]:
    path = Path(given)
    if not path.is_dir():
        yield from [path] if path.suffix in (".py", ".md") else []
        return
    for suffix in ("*.py", "*.md"):
        yield from sorted(found for found in path.rglob(suffix) if not _SKIPPED_FOLDERS & set(found.parts))


def main(given: list[str]) -> int:
    """Print offences in all Python and Markdown files; 1 if there are any."""
    wrong = 0
    for path in (file for name in given for file in _files(name)):
        for line, message in sorted(offences(path)):
            print(f"{path}:{line}: {message}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
