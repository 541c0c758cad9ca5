"""The table is whole and true: every row reads its own example, refuses what it should, and the page follows from it."""

import dataclasses
import math
import typing

import pytest

from bridge.protocol import (
    ALL,
    BY_ADDRESS,
    MESSAGES,
    REPLIES,
    Code,
    Read,
    Rejection,
    events,
    explain,
    limits,
    page,
    read_event,
    read_reply,
)
from bridge.protocol import replies as reply_events
from bridge.protocol.arguments import Argument, Kind, is_safe_name
from bridge.protocol.message import SEQ
from bridge.protocol.ranges import CONTROLS, CURVES, EXPRESSIONS, TRACK_PARAMS
from bridge.protocol.read import write_event
from bridge.protocol.rejection import CODE_MEANINGS
from engine import LIVE_RANGES, SETTINGS, Overlap
from engine.score.types import Parameter

ROWS = [*MESSAGES, *REPLIES]
DRAFT = """hello ping subscribe status panic note note/on note/off note/bend note/expression lyrics lyrics/append lyrics/line track/voice
    track/param track/overlap track/name track/seed track/clear midi/learn midi/bind
    clip/begin clip/note clip/curve clip/end clip/remove song tempo transport loop render stem/export record/start record/stop"""
BACK = """welcome pong subscribed ack error status meters lyrics/split lyrics/next midi/learned clip/ack clip/missing song song/track
    song/clips song/tempo progress done written"""


def tags_of(row, values):
    rounds = row.repeated.arguments if row.repeated else ()
    fixed = row.arguments[: len(values)]
    count = (len(values) - len(fixed)) // len(rounds) if rounds else 0
    return "".join(argument.tag for argument in (*fixed, *rounds * count))


def read(row, values, tags=None):
    reader = read_event if row in MESSAGES else read_reply
    return reader(row.address, tags_of(row, values) if tags is None else tags, values)


def changed(address, **values):
    """The example of an address with some arguments changed."""
    row = BY_ADDRESS[address]
    names = [argument.name for argument in row.arguments]
    return row, [values.get(name, value) for name, value in zip(names, row.example, strict=False)]


def test_everything_that_was_promised_is_there():
    assert {f"/vocalese/{name}" for name in DRAFT.split()} <= set(BY_ADDRESS)
    assert {row.address for row in REPLIES} == {f"/vocalese/{name}" for name in BACK.split()}
    assert len(BY_ADDRESS) == len(MESSAGES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.event.__name__}")
def test_a_row_describes_its_event(row):
    named = [argument.name for argument in row.arguments] + ([row.repeated.field] if row.repeated else [])
    fields = [field.name for field in dataclasses.fields(row.event)]
    assert [name for name in named if name in fields] == [name for name in fields if name in named] == fields
    assert set(named) - set(fields) == row.envelope <= {SEQ}
    assert row.event.__dataclass_params__.frozen
    required = [argument.is_required for argument in row.arguments]
    assert required == sorted(required, reverse=True), "optional arguments stand at the end"
    assert not row.repeated or all(required), "with repeated arguments, none before them is optional"


def test_every_event_and_reply_has_a_row():
    said = {row.event for row in MESSAGES} | {events.Clip}  # put together from its parts
    assert set(typing.get_args(events.Event)) == said
    assert set(typing.get_args(reply_events.Reply)) == {row.event for row in REPLIES}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.event.__name__)
def test_an_example_is_read_and_written_back(row):
    answer = read(row, row.example)
    assert isinstance(answer, Read) and isinstance(answer.event, row.event)
    address, tags, values = write_event(answer.event, answer.seq)
    again = read(row, values, tags)
    assert (address, again) == (row.address, answer)


@pytest.mark.parametrize("row", [row for row in MESSAGES if not row.ignores_arguments], ids=lambda row: row.event.__name__)
def test_too_many_or_too_few_arguments_are_refused(row):
    least = [*row.example[: row.least_arguments]]
    for values in (least[:-1], [*row.example, *[1] * (row.most_arguments + 1 - len(row.example))]):
        if len(values) != len(least):
            rejection = read(row, values, "i" * len(values))
            assert isinstance(rejection, Rejection) and rejection.code is Code.COUNT
            assert f"{len(values)} arguments" in rejection.text and all(
                argument.name in rejection.text for argument in row.arguments
            )


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.event.__name__)
def test_every_argument_refuses_the_wrong_type_and_what_is_not_finite(row):
    for index, argument in enumerate(row.arguments[: len(row.example)]):
        values, tags = list(row.example), tags_of(row, row.example)
        is_text = argument.kind in (Kind.TEXT, Kind.NAME)
        wrong = [("i", 3), ("b", b"abc"), ("T", True)] if is_text else [("s", "3"), ("b", b"abc")]
        for tag, value in wrong:
            values[index] = value
            rejection = read(row, values, tags[:index] + tag + tags[index + 1 :])
            assert isinstance(rejection, Rejection) and rejection.code is Code.TYPE and argument.name in rejection.text
        if not is_text:
            for value in (math.nan, math.inf, -math.inf):
                values[index] = value
                rejection = read(row, values, tags[:index] + "d" + tags[index + 1 :])
                assert isinstance(rejection, Rejection) and rejection.code is Code.RANGE


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: row.event.__name__)
def test_every_bound_holds_and_is_named(row):
    for index, argument in enumerate(row.arguments[: len(row.example)]):
        if argument.kind in (Kind.TEXT, Kind.NAME):
            beyond = [] if argument.choices else ["x" * (int(argument.high) + 1)]
        else:
            beyond = [
                bound + sign * (1 + abs(bound) // 1000)
                for bound, sign in ((argument.low, -1), (argument.high, 1))
                if bound is not None
            ]
        for value in beyond:
            values = list(row.example)
            values[index] = value
            rejection = read(row, values)
            assert isinstance(rejection, Rejection) and rejection.code in (Code.RANGE, Code.TEXT)
            assert argument.name in rejection.text and argument.valid in rejection.text


@pytest.mark.parametrize("row", [row for row in MESSAGES if row.example], ids=lambda row: row.event.__name__)
def test_every_message_can_be_sent_with_floats_only(row):
    tags = "".join("s" if tag == "s" else "f" for tag in tags_of(row, row.example))
    values = [value if isinstance(value, str) else float(value) for value in row.example]
    assert read(row, values, tags) == read(row, row.example)


def test_whole_numbers_are_whole():
    row, values = changed("/vocalese/note", track=1.5)
    rejection = read(row, values, "f" + tags_of(row, values)[1:])
    assert rejection.code is Code.TYPE and "whole" in rejection.text
    assert read(*changed("/vocalese/note", track=63)).event.track == 63


def test_what_is_left_out_has_its_default():
    assert read_event("/vocalese/note", "ifff", [2, 60.5, 1.0, 1.0]).event == events.WholeNote(2, 60.5, 1.0, 1.0, "", 0.0)
    assert read_event("/vocalese/hello", "s", [""]).event.api_major == limits.API_MAJOR


@pytest.mark.parametrize(
    ("tags", "values"),
    [
        ("", []),
        ("f", [1.0]),
        ("i", [0]),
        ("T", [True]),
        ("F", [False]),
        ("I", [True]),
        ("N", [None]),
        ("s", ["bang"]),
        ("ff", [0.5, math.nan]),
        ("b", [b"abc"]),
        ("h" * 9, list(range(9))),
    ],
)
def test_panic_accepts_any_argument(tags, values):
    assert read_event("/vocalese/panic", tags, values).event == events.Panic()


@pytest.mark.parametrize(
    ("tag", "value", "is_on"),
    [
        ("i", 1, True),
        ("i", 0, False),
        ("f", 1.0, True),
        ("f", 0.0, False),
        ("f", 0.5, True),
        ("f", 0.4, False),
        ("i", 127, True),
        ("T", True, True),
        ("F", False, False),
        ("I", True, True),
        ("N", None, False),
        ("s", "On", True),
        ("s", "false", False),
        ("s", "1", True),
        ("s", "0", False),
    ],
)
def test_a_switch_is_what_controllers_send(tag, value, is_on):
    assert read_event("/vocalese/loop", f"{tag}dd", [value, 8.0, 16.0]).event == events.Loop(is_on, 8.0, 16.0)


@pytest.mark.parametrize(
    ("tag", "value", "code"),
    [("i", -1, Code.RANGE), ("f", 128.0, Code.RANGE), ("s", "maybe", Code.TYPE), ("s", "", Code.TYPE), ("b", b"1", Code.TYPE)],
)
def test_what_is_no_switch_is_refused(tag, value, code):
    assert read_event("/vocalese/loop", f"{tag}dd", [value, 8.0, 16.0]).code is code


def test_single_precision_does_not_push_a_value_over_its_bound():
    overshoot = 0.30000001192092896  # 0.3 as a float
    assert read_event("/vocalese/track/param", "isf", [0, "overshoot", overshoot]).event.value == 0.3
    assert read_event("/vocalese/track/param", "isf", [0, "overshoot", 0.3001]).code is Code.RANGE


def test_names_have_ranges_of_their_own():
    for name, bounds in EXPRESSIONS.items():
        assert read_event("/vocalese/note/expression", "iisf", [0, 1, name, bounds.high]).event.value == bounds.high
        assert read_event("/vocalese/note/expression", "iisf", [0, 1, name, bounds.high + 1]).code is Code.RANGE
    for name, bounds in TRACK_PARAMS.items():
        assert read_event("/vocalese/track/param", "isf", [0, name, bounds.low]).event.value == bounds.low
        assert read_event("/vocalese/track/param", "isf", [0, name, bounds.low - 1]).code is Code.RANGE
    rejection = read_event("/vocalese/clip/curve", "iiiisdfdf", [0, 1, 1, 0, "bend_cents", 0.0, 0.0, 1.0, 9000.0])
    assert rejection.code is Code.RANGE and "bend_cents" in rejection.text
    assert read_event("/vocalese/track/param", "isf", [0, "charm", 1.0]).code is Code.TEXT


def test_names_are_the_engine_s():
    assert set(CURVES) == {str(parameter) for parameter in Parameter}
    ranges = {name: (r.low, r.high) for name, r in TRACK_PARAMS.items() if name not in ("gain_db", "transpose_semitones")}
    assert ranges == {name: (setting.low, setting.high) for name, setting in SETTINGS.items()}


def test_what_controllers_move_is_what_live_voices_have():
    assert {name: (bounds.low, bounds.high) for name, bounds in CONTROLS.items()} == {
        parameter.value: bounds for parameter, bounds in LIVE_RANGES.items()
    }
    assert read_event("/vocalese/midi/learn", "s", [""]).event == events.MidiLearn("")
    rejection = read_event("/vocalese/midi/bind", "is", [20, "growll"])
    assert rejection.code is Code.TEXT and "growll" in rejection.text and "growl," in rejection.text
    assert set(BY_ADDRESS["/vocalese/track/overlap"].arguments[1].choices) == {choice.value for choice in Overlap}


def test_a_refusal_names_the_sequence_number():
    rejection = read_event("/vocalese/lyrics/line", "iii", [0, -1, 17])
    assert (rejection.code, rejection.seq, rejection.address) == (Code.RANGE, 17, "/vocalese/lyrics/line")


@pytest.mark.parametrize(
    ("address", "tags", "values"),
    [
        ("/vocalese/tempo", "iidiii", [1, 0, 4.0, 120.0, 4, 4]),
        ("/vocalese/tempo", "iidiiidiii", [1, 0, 0.0, 120.0, 4, 4, 0.0, 90.0, 4, 4]),
        ("/vocalese/clip/curve", "iiiisdfdf", [0, 1, 1, 0, "volume", 2.0, 0.5, 1.0, 0.5]),
        ("/vocalese/loop", "idd", [1, 8.0, 8.0]),
    ],
)
def test_arguments_have_to_go_together(address, tags, values):
    rejection = read_event(address, tags, values)
    assert isinstance(rejection, Rejection) and rejection.code is Code.RULE


def test_meters_have_powers_of_two_and_rounds_are_whole():
    assert read_event("/vocalese/tempo", "iiddii", [1, 0, 0.0, 120.0, 4, 6]).code is Code.RANGE
    assert read_event("/vocalese/tempo", "iiddi", [1, 0, 0.0, 120.0, 4]).code is Code.COUNT
    assert read_event("/vocalese/loop", "idd", [0, 8.0, 8.0]).event == events.Loop(False, 8.0, 8.0)


def test_other_versions_are_refused():
    assert read_event("/vocalese/hello", "ssi", ["", "old", limits.API_MAJOR + 1]).code is Code.VERSION


@pytest.mark.parametrize(
    "address", ["/vocalese/not", "/vocalese/note/", "/Vocalese/note", "/vocalese/*", "/vocalese/note\u0000", "/", ""]
)
def test_addresses_are_compared_letter_by_letter(address):
    rejection = read_event(address, "", [])
    assert rejection.code is Code.ADDRESS
    assert explain(rejection)


def test_a_mistyped_address_is_answered_with_the_right_one():
    assert "did you mean /vocalese/lyrics/append?" in explain(read_event("/vocalese/lyric/append", "", []))


@pytest.mark.parametrize("name", ["kathleen", "verse take 1", "歌う声", "a.b_c-d+e", "CONcert", "2nd"])
def test_good_names(name):
    assert is_safe_name(name)
    assert isinstance(read(*changed("/vocalese/stem/export", folder=name)), Read)


@pytest.mark.parametrize(
    "name",
    [
        *""".. . ../x a/../b /etc ~root C:\n    C:\\x \\\\host\\share .hidden a/b a\\b %2e%2e/x nul CON com1 con.wav lpt9.x x. a:b a*b a?b a|b <a> "a" -rf $(x) `x`\n    """.split(),
        "x ",
        " x",
        "a\nb",
        "a\tb",
        "a\x7fb",
        "é\u202e",
        "a⁄b",
        "\u3000",
        "con .wav",
    ],
)
def test_names_that_lead_somewhere_else_are_refused(name):
    rejection = read(*changed("/vocalese/stem/export", folder=name))
    assert isinstance(rejection, Rejection) and rejection.code is Code.TEXT
    assert read(*changed("/vocalese/track/voice", voice=name)).code is Code.TEXT


def test_lyrics_keep_lines_and_other_scripts_but_no_control_characters():
    text = "stay with me\n夜の歌\té 👩‍🎤"
    assert read_event("/vocalese/lyrics", "is", [0, text]).event.text == text
    assert read_event("/vocalese/lyrics", "is", [0, "a\x1b[2Jb"]).code is Code.TEXT


def test_a_sentence_about_a_long_value_is_short_and_printable():
    rejection = read_event("/vocalese/track/mode", "is", [0, "\n" * 60_000])
    assert len(rejection.text) < 300 and rejection.text.isprintable()
    rejection = read_event("/vocalese/transport", "idff", [1, 1e308, 0.0, 120.0])
    assert rejection.code is Code.RANGE and len(rejection.text) < 300


def test_all_is_valid_only_where_documented():
    assert read(*changed("/vocalese/render", track=ALL, clip=ALL)).event == events.Render(ALL, ALL, 48_000)
    assert read(*changed("/vocalese/note", track=ALL)).code is Code.RANGE


def test_a_message_at_its_largest_fits_into_a_packet():
    for row in ROWS:
        assert row.most_arguments <= limits.MAX_ARGUMENTS
        widest = sum(
            8 if a.tag in "hd" else 4
            for a in (*row.arguments, *(row.repeated.arguments * row.repeated.most if row.repeated else ()))
        )
        assert widest < limits.MAX_PACKET_BYTES


def test_every_code_is_explained():
    assert set(CODE_MEANINGS) == set(Code)


def test_the_page_is_up_to_date():
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run: python -m bridge.protocol.page"


def test_the_page_is_written_by_its_command(tmp_path):
    page.main([str(tmp_path / "osc.md")])
    written = (tmp_path / "osc.md").read_text(encoding="utf-8")
    assert all(f"### `{row.address}`" in written for row in ROWS)
    assert all(name in written for name in (*CURVES, *TRACK_PARAMS, *Code))


def test_an_argument_without_bounds_takes_any_finite_number():
    assert Argument("x", Kind.DOUBLE, "").read("d", -1e300) == -1e300
