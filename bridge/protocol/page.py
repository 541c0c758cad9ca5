"""Generator of docs/osc.md: `python -m bridge.protocol.page [FILE]`. A test checks that the page is up to date."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from bridge.protocol import limits
from bridge.protocol.answers import REPLIES
from bridge.protocol.arguments import KIND_WORDS, Argument, Kind, Value
from bridge.protocol.message import Message, Range
from bridge.protocol.ranges import CONTROLS, CURVES, EXPRESSIONS, TRACK_PARAMS
from bridge.protocol.rejection import CODE_MEANINGS
from bridge.protocol.table import MESSAGES

_ANY_ARGUMENTS = "No arguments are needed. Arguments of any type, as buttons send them, have no effect."
PAGE = Path(__file__).resolve().parents[2] / "docs" / "osc.md"


def page() -> str:
    """Return the whole page."""
    parts = [_introduction()]
    for section, messages in groupby(MESSAGES, key=lambda message: message.section):
        parts.append(f"## {section}\n")
        parts.extend(_message(message) for message in messages)
    parts.append("## Names and ranges\n")
    parts.append("### Expressions, of notes and clips\n\n" + _ranges(EXPRESSIONS))
    parts.append(
        "### Curves of clips\n\nThe expressions, and:\n\n" + _ranges({k: v for k, v in CURVES.items() if k not in EXPRESSIONS})
    )
    parts.append("### Parameters of tracks\n\n" + _ranges(TRACK_PARAMS))
    parts.append(
        "### Parameters of MIDI controllers\n\nA controller spans the whole range; see also [MIDI](midi.md).\n\n"
        + _ranges(CONTROLS)
    )
    parts.append("## What comes back\n")
    parts.extend(_message(message) for message in REPLIES)
    parts.append(
        "## Error codes\n\n" + _table(("Code", "Meaning"), [(f"`{code}`", text) for code, text in CODE_MEANINGS.items()])
    )
    return "\n".join(parts)


def main(arguments: Sequence[str]) -> None:
    """Write the page to the file given, by default docs/osc.md."""
    target = Path(arguments[0]) if arguments else PAGE
    target.write_text(page(), encoding="utf-8")


def _introduction() -> str:
    return f"""\
<!-- Written by `python -m bridge.protocol.page` from bridge/protocol/table.py. Change the table, not this page. -->
# OSC

Vocalese listens on UDP port {limits.DEFAULT_PORT} of this machine. Send one message, hear one note:

    /vocalese/note  0  64.0  0.5  0.8  "love"        track, pitch, seconds, velocity, word

From Python:

```python
from bridge.client import VocaleseClient

with VocaleseClient() as voice:
    voice.lyrics("stay with me tonight", language="en")
    for pitch in (64, 66, 67, 64, 62):
        voice.note(pitch, duration_s=0.5)
```

## How it works

**Answers** go to the address and port a message came from. A controller that listens on another port of its machine names that in
`/vocalese/hello` (`reply_port`, for all answers) or in `/vocalese/subscribe` (for one topic). Refused messages are answered with
`/vocalese/error`: what was given and what is valid.

**localhost.** A server that listens to this machine only is heard on 127.0.0.1 and on ::1.

**Types.** Numbers may come as int (`i`), int64 (`h`), float (`f`) or double (`d`), whatever the table says, as long as they are whole where
whole numbers are wanted: programs that know floats only can say everything. A switch is what buttons send: a number from 0 to 127 that is on
from 0.5, `T` or `I` (on), `F` or `N` (off), or a text such as "on" and "off". A name is a text that could be the name of a file: letters,
digits, spaces and `. _ + -`, starting with a letter or digit. Texts are UTF-8. NaN and infinity are refused.
The examples show the type tags that fit best.

**Times** are arguments: `when_s` is in seconds on the engine's clock, 0 means now. Measure the clock's offset with `/vocalese/ping`. Send
times as doubles: a float is off by up to 0.1 ms after an hour and by 4 ms after a day. Positions in songs are in quarter notes (`ppq`).

**Bundles** are unpacked and played in order: at the time that they are dated, by the clock of this machine, or at once if that has passed.
The notes of a dated bundle begin to the sample. A bundle dated more than {limits.MAX_AHEAD_S:g} s ahead is refused: the clocks of two machines
are apart, or it is meant for `when_s`. Errors are answered when a message comes, acknowledgements are sent when it acts. A panic
forgets the notes that wait.

Addresses are compared letter by letter; patterns such as `*` are not matched.

**Acknowledged messages** carry a sequence number `seq`. Count up from 1 and send it again until `/vocalese/ack` comes: what arrives twice is
acted on once. The last {limits.MAX_REMEMBERED_SEQUENCE_NUMBERS:,} numbers of each sender are remembered.
Clips need no numbers: their end is answered with what is missing.

**Notes belong to who sent them.** Each sender (address and port) has note numbers of its own. A program that sends every message from
another port, as `oscsend` does, may still end and bend its notes: what a sender that never began a note says about a number counts for the
notes of that number on the track whose senders, on the same machine, began no other note.

**No note stays for ever.** The notes of a sender end when its last subscription has run out, neither renewed nor ended, and nothing has come
from it for as long as that lease was. A sender without a subscription has {limits.NOTE_TIMEOUT_S:g} s from its last message of any kind;
`vocalese serve --note-timeout` changes that, 0 = no limit.

**Revisions** of clips and of the tempo map go up with every change. One that does not is refused (`revision`) and changes nothing: of two
clients that edit the same clip, the one that did not see the other's change is told. `/vocalese/song` tells all revisions.

**Other machines.** The server listens to this machine only, unless it is started with another `--host`. Then it needs a token, and every
sender has to say `/vocalese/hello` with it first. The token keeps out who does not know it. It does not hide anything from who can read the
network: OSC is not encrypted.

## Limits

{_limits()}
Further messages are counted and dropped, and the sender is told once a second.
"""


def _limits() -> str:
    rate = f"{limits.SENDER_RATE_HZ:,.0f} a second; every started KiB of a packet beyond the first counts as one more"
    clip = f"{limits.MAX_CLIP_NOTES:,} notes and {limits.MAX_CLIP_CURVES} curve messages"
    open_clips = f"{limits.MAX_OPEN_CLIPS}, each for {limits.CLIP_IDLE_S:g} s after its last part"
    errors = f"{limits.ERROR_SENDER_RATE_HZ:g} a second for each sender, {limits.ERROR_TOTAL_RATE_HZ:g} in all"
    rows = (
        ("Packet", f"{limits.MAX_PACKET_BYTES:,} bytes"),
        ("Bundle", f"{limits.MAX_BUNDLE_DEPTH} levels deep, {limits.MAX_BUNDLE_ELEMENTS} elements in all"),
        ("Arguments of a message", f"{limits.MAX_ARGUMENTS:,}"),
        ("Messages of one sender", rate),
        ("Messages of all senders", f"{limits.TOTAL_RATE_HZ:,.0f} a second"),
        ("Pings, and panics", f"{limits.URGENT_SENDER_RATE_HZ:g} a second for each sender, beside all other messages"),
        ("Errors answered", errors),
        ("Clip", clip),
        ("Open clips", open_clips),
        ("Messages of dated bundles that wait", f"{limits.MAX_HELD_MESSAGES:,}, up to {limits.MAX_AHEAD_S:g} s"),
        ("Exports that wait", f"{limits.MAX_WAITING_EXPORTS}, of all senders"),
        ("Subscriptions", f"{limits.MAX_SUBSCRIPTIONS}, each for up to {limits.MAX_LEASE_S:g} s"),
    )
    return _table(("What", "Limit"), rows)


def _message(message: Message) -> str:
    lines = [f"### `{message.address}`", "", message.meaning, ""]
    rows = [_row(argument) for argument in message.arguments]
    if message.repeated is not None:
        again = f" (repeated, {message.repeated.least} to {message.repeated.most} times)"
        rows += [_row(argument, again) for argument in message.repeated.arguments]
    if rows:
        lines += [_table(*_without_empty_columns(("Argument", "Type", "Valid", "Unit", "If left out", "Meaning"), rows))]
    else:
        lines += [_ANY_ARGUMENTS if message.ignores_arguments else "No arguments.", ""]
    if message.names:
        lines += ["Names and ranges: see [below](#names-and-ranges).", ""]
    if message.reply:
        lines += [f"Answer: {message.reply}.", ""]
    return "\n".join([*lines, f"    {_example(message)}", ""])


def _row(argument: Argument, again: str = "") -> tuple[str, ...]:
    default = "" if argument.is_required else _literal(argument.default)  # type: ignore[arg-type]
    return f"`{argument.name}`", KIND_WORDS[argument.kind], _valid(argument), argument.unit, default, argument.meaning + again


def _valid(argument: Argument) -> str:
    if argument.name in ("name", "parameter") and argument.choices:
        return "see below"  # dozens of names are listed in a separate table
    is_free_text = argument.kind is Kind.TEXT and argument.high == limits.MAX_TEXT_CHARACTERS
    is_bounded = argument.choices or argument.kind is Kind.SWITCH or (argument.low, argument.high) != (None, None)
    return argument.valid if is_bounded and not is_free_text else ""


def _without_empty_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
    return [head[column] for column in kept], [[row[column] for column in kept] for row in rows]


def _ranges(ranges: Mapping[str, Range]) -> str:
    rows = [(f"`{name}`", f"{r.low:g} to {r.high:g}", r.unit, r.meaning) for name, r in ranges.items()]
    return _table(("Name", "Range", "Unit", "Meaning"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _example(message: Message) -> str:
    rounds = message.repeated.arguments if message.repeated else ()
    fixed = message.arguments[: len(message.example)]
    count = (len(message.example) - len(fixed)) // len(rounds) if rounds else 0
    tags = "".join(argument.tag for argument in (*fixed, *rounds * count))
    return "  ".join([message.address, *([f",{tags}"] if tags else []), *map(_literal, message.example)])


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
