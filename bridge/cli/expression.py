"""Command-line options of the parameter table: `--growl`, `--vibrato` and so on, which hold for a whole song."""

from __future__ import annotations

import argparse

from engine import SETTINGS


def add_expression_options(parser: argparse.ArgumentParser) -> None:
    """Add one option for each setting of the parameter table that has one. An option that is not given is None."""
    group = parser.add_argument_group("expression")
    for name, setting in SETTINGS.items():
        option, value = setting.default.option, setting.default.value
        if option is not None:
            default = "" if value is None else f" (default: {value:g})"
            group.add_argument(option.flag, dest=name, type=float, metavar=option.metavar, help=option.help + default)
    group.add_argument("--no-breaths", dest="breaths", action="store_const", const=False, help="no breaths before phrases")


def expression_values(namespace: argparse.Namespace) -> dict[str, float | bool]:
    """Collect the settings that were given, by the names of `PerformanceSettings`."""
    return {name: value for name in (*SETTINGS, "breaths") if (value := getattr(namespace, name, None)) is not None}
