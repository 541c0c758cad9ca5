"""A text as input of the networks: phonemes, and the characters for BERT."""

from __future__ import annotations

from dataclasses import dataclass, replace

_SHORTEST_ENGLISH, _SHORTEST = 4, 6  # fewer phonemes than these are swallowed unless a mark stands in front


@dataclass(frozen=True)
class ChineseRun:
    """Characters whose symbols stand together, from number `start` on; `counts[i]` symbols belong to `characters[i]`."""

    characters: str
    start: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """A text as input of the networks. `notices` are full sentences."""

    symbols: tuple[str, ...]
    chinese: tuple[ChineseRun, ...] = ()
    notices: tuple[str, ...] = ()


def join_readings(*readings: Reading) -> Reading:
    """Concatenate readings; runs of characters that become adjacent are merged."""
    symbols: tuple[str, ...] = ()
    runs: list[ChineseRun] = []
    for reading in readings:
        for run in reading.chinese:
            start = run.start + len(symbols)
            if runs and runs[-1].start + sum(runs[-1].counts) == start:
                runs[-1] = ChineseRun(runs[-1].characters + run.characters, runs[-1].start, runs[-1].counts + run.counts)
            else:
                runs.append(replace(run, start=start))
        symbols += reading.symbols
    return Reading(symbols, tuple(runs), tuple(dict.fromkeys(notice for reading in readings for notice in reading.notices)))


def english_long_enough(reading: Reading) -> Reading:
    """Return a run of English, with a mark in front if it is very short."""
    is_short = 0 < len(reading.symbols) < _SHORTEST_ENGLISH and reading.symbols[0] != ","
    return join_readings(Reading((",",)), reading) if is_short else reading


def long_enough(reading: Reading) -> Reading:
    """Return the reading, with a mark in front if it is so short that the voice would drop it."""
    return join_readings(Reading((".",)), reading) if 0 < len(reading.symbols) < _SHORTEST else reading
