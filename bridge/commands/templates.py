"""`vocalese templates`: list and install the templates for other music programs."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bridge.cli.shared import JsonOptions
from bridge.cli.templates import InstallOptions
from engine import OutputError, SettingsError

from .common import EXIT_OK

TEMPLATES = Path(__file__).parents[2] / "daw_templates"  # beside the packages in a checkout and in an installation
_DESCRIPTION = "template.toml"


@dataclass(frozen=True, slots=True)
class Template:
    """One folder of `daw_templates`. `files` maps its files to places below the program's folder."""

    name: str
    title: str
    does: str
    tried: str
    next: str
    files: Mapping[str, PurePosixPath]
    makes_folder: bool = False  # the program reads the folder and never creates it

    @property
    def folder(self) -> Path:
        return TEMPLATES / self.name


def read_templates() -> tuple[Template, ...]:
    """Read all templates, sorted by name."""
    return tuple(_read(path) for path in sorted(TEMPLATES.glob(f"*/{_DESCRIPTION}")))


def program_folder(name: str, *, home: Path, platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of a program's user files, which may not exist. `platform` as `sys.platform`.

    Ardour's folder carries its major version: the newest existing one is taken.
    """
    roaming = Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
    local = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    places = {  # Linux and alike, macOS, Windows
        "ardour": (config / "ardour", home / "Library" / "Preferences" / "Ardour", local / "Ardour"),
        "puredata": (home / ".local/lib/pd/extra", home / "Documents/Pd/externals", home / "Documents/Pd/externals"),
        "reaper": (config / "REAPER", home / "Library/Application Support/REAPER", roaming / "REAPER"),
        "supercollider": (data / "SuperCollider", home / "Library/Application Support/SuperCollider", local / "SuperCollider"),
    }
    if name not in places:
        raise SettingsError(f"No template is called '{name}'. There are {', '.join(sorted(places))}.")
    folder = places[name][{"darwin": 1, "win32": 2}.get(platform, 0)]
    return _newest_version(folder) if name == "ardour" else folder


def list_templates(options: JsonOptions) -> int:
    """List the templates: contents, tests, and target folder."""
    templates = read_templates()
    if options.as_json:
        rows = [
            {
                "name": template.name,
                "title": template.title,
                "does": template.does,
                "tried": template.tried,
                "files": list(template.files),
                "folder": str(program_folder(template.name, home=Path.home())),
            }
            for template in templates
        ]
        print(json.dumps({"templates": rows}))
        return EXIT_OK
    for template in templates:
        print(f"{template.name}: {template.title}")
        print(f"  {template.does[0].upper()}{template.does[1:]}.")
        print(f"  {template.tried[0].upper()}{template.tried[1:]}.")
        print(f"  {', '.join(template.files)}")
    print("`vocalese templates install NAME` puts one where its program looks for it; docs/daw.md says how it is used.")
    return EXIT_OK


def install(options: InstallOptions) -> int:
    """Copy a template below `output`, or below its program's folder, which must exist unless the program never creates it.

    Writes nothing if a file of other content would be replaced without `overwrite`.
    """
    template = next((each for each in read_templates() if each.name == options.name), None)
    if template is None:
        raise SettingsError(
            f"No template is called '{options.name}'. There are {', '.join(each.name for each in read_templates())}."
        )
    base = options.output or program_folder(options.name, home=Path.home())
    if options.output is None and not base.is_dir() and not template.makes_folder:
        raise OutputError(
            f"The folder of {template.title}, {base}, is not there. Start the program once, or give a folder with --output."
        )
    targets = {base / place: (template.folder / source).read_bytes() for source, place in template.files.items()}
    others = [path for path, content in targets.items() if path.exists() and (path.is_dir() or path.read_bytes() != content)]
    if others and not options.overwrite:
        raise OutputError(
            f"{others[0]} exists and is another file. --overwrite replaces it; --output puts the template elsewhere."
        )
    for path, content in targets.items():
        _write(path, content)
        print(path)
    print(f"Next, in {template.title}: {template.next}. docs/daw.md says how.")
    return EXIT_OK


def _read(path: Path) -> Template:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    files = {source: PurePosixPath(place) for source, place in table["files"].items()}
    makes_folder = table.get("makes_folder", False)
    return Template(path.parent.name, table["title"], table["does"], table["tried"], table["next"], files, makes_folder)


def _newest_version(folder: Path) -> Path:
    """Return `…/ardour8` for `…/ardour` if 8 is the highest number that exists; unchanged if there is none."""
    pattern = re.compile(re.escape(folder.name) + r"(\d+)", re.IGNORECASE)
    names = [path.name for path in folder.parent.glob("*")] if folder.parent.is_dir() else []
    versions = [(int(match[1]), match[0]) for name in names if (match := pattern.fullmatch(name))]
    return folder.with_name(max(versions)[1]) if versions else folder


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}. Give another folder with --output.") from error
