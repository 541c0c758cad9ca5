"""Hooks of mkdocs.yml: pages made of files beside docs/, links between both, and the list of names for the API reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import EnumType
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
FACE = "<!-- names of the engine -->"
_VALUES_SHOWN = "    options:\n      show_if_no_docstring: true\n"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages whose sources lie beside docs/."""
    for source, target in PAGES.items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links into links of the site, and fill the API reference."""
    source = {target: name for name, target in PAGES.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    folder = (ROOT / source).parent
    text = _LINK.sub(lambda link: _link_on_site(link, folder), markdown)
    return text.replace(FACE, "\n".join(_reference())) if FACE in text else text


def _link_on_site(link: re.Match[str], folder: Path) -> str:
    """The link itself, one to a page of the site, or its text alone for files that the site does not have."""
    mark, text, target = link.groups()
    path, hash_sign, anchor = target.partition("#")
    if not path or "://" in path:
        return link.group()
    wanted = (folder / path).resolve().relative_to(ROOT).as_posix()
    if wanted in PAGES:
        return f"{mark}[{text}]({PAGES[wanted]}{hash_sign}{anchor})"
    if wanted.startswith("docs/"):
        return f"{mark}[{text}]({wanted.removeprefix('docs/')}{hash_sign}{anchor})"
    return text


def _reference() -> Iterator[str]:
    """Directives of mkdocstrings for all names of `engine.__all__`, grouped by the module that defines them."""
    import engine

    rooms: dict[str, list[str]] = {}
    values = []
    for name in engine.__all__:
        thing = getattr(engine, name)
        module = getattr(thing, "__module__", "")
        if getattr(thing, "__name__", name) != name:
            values.append(f"`{name}` (another name of `{thing.__name__}`)")
        elif isinstance(thing, type) or (callable(thing) and module.startswith("engine.")):
            room = ".".join(module.split(".")[:2])
            options = _VALUES_SHOWN if isinstance(thing, EnumType) else ""
            rooms.setdefault(room, []).append(f"::: {module}.{thing.__qualname__}\n{options}")
        else:
            values.append(f"`{name}`")
    for room in sorted(rooms):
        yield from (f"## {room}", "", *(f"{directive}\n" for directive in sorted(rooms[room], key=str.lower)))
    yield from ("## Values", "", ", ".join(values) + ".", "")
