"""Packets: python-osc as an independent reader and writer, and bytes that nobody should send."""

import math
import random
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc import osc_bundle_builder, osc_message_builder
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage as PythonOscMessage

from bridge.osc import OscMessage, decode, encode, encode_bundle, pack
from bridge.protocol import MESSAGES, REPLIES, Code, Read, Rejection, explain, limits, read_event, read_reply
from bridge.protocol.events import NoteOn

NOW_S = 1_800_000_000.0
NTP_1900_S = 2_208_988_800
PING = encode("/vocalese/ping", "d", [1.5])


def read(packet):
    return decode(packet, wall_clock_s=NOW_S)


def only_refusal(packet):
    (answer,) = read(packet)
    assert isinstance(answer, Rejection)
    return answer


def bundle(*elements, tag=1):
    return b"#bundle\0" + struct.pack(">Q", tag) + b"".join(struct.pack(">i", len(e)) + e for e in elements)


def nested(levels):
    packet = bundle(PING)
    for _ in range(levels - 1):
        packet = bundle(packet)
    return packet


def written_by_python_osc(address, tags, values):
    builder = osc_message_builder.OscMessageBuilder(address)
    for tag, value in zip(tags, values, strict=True):
        builder.add_arg(value, tag)
    return builder.build()


# With an independent implementation.


@pytest.mark.parametrize("row", [*MESSAGES, *REPLIES], ids=lambda row: row.event.__name__)
def test_examples_are_the_same_bytes_as_python_osc_writes(row):
    reader = read_event if row in MESSAGES else read_reply
    rounds = row.repeated.arguments if row.repeated else ()
    fixed = row.arguments[: len(row.example)]
    tags = "".join(a.tag for a in (*fixed, *rounds * ((len(row.example) - len(fixed)) // max(1, len(rounds)))))
    theirs = written_by_python_osc(row.address, tags, row.example)
    assert theirs.dgram == encode(row.address, tags, row.example)
    (message,) = read(theirs.dgram)
    answer = reader(message.address, message.tags, message.values)
    assert isinstance(answer, Read)
    assert PythonOscMessage(pack(answer.event, answer.seq)).address == row.address


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50),
    st.lists(
        st.one_of(
            st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
            st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
            st.tuples(st.just("f"), st.floats(width=32)),
            st.tuples(st.just("d"), st.floats()),
            st.tuples(st.just("s"), st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
            st.tuples(st.just("b"), st.binary(min_size=1)),  # python-osc writes no empty ones
            st.tuples(st.just("T"), st.just(True)),
            st.tuples(st.just("F"), st.just(False)),
        ),
        max_size=20,
    ),
)
def test_all_types_go_both_ways_and_python_osc_agrees(name, pairs):
    tags, values = "".join(tag for tag, _ in pairs), [value for _, value in pairs]
    packet = encode(f"/{name}", tags, values)
    (message,) = read(packet)
    theirs = PythonOscMessage(packet)
    for ours in (message.values, theirs.params):
        assert [repr(value) for value in ours] == [repr(value) for value in values]
    assert (message.address, message.tags) == (f"/{name}", tags) and theirs.address == f"/{name}"
    assert written_by_python_osc(f"/{name}", tags, values).dgram == packet


def test_bundles_of_python_osc_are_unpacked_in_order():
    inner = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
    outer = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
    for number in (1, 2):
        inner.add_content(written_by_python_osc("/inner", "i", [number]))
    outer.add_content(written_by_python_osc("/first", "s", ["x"]))
    outer.add_content(inner.build())
    outer.add_content(written_by_python_osc("/last", "", []))
    assert read(outer.build().dgram) == [
        OscMessage("/first", "s", ("x",)),
        OscMessage("/inner", "i", (1,)),
        OscMessage("/inner", "i", (2,)),
        OscMessage("/last", "", ()),
    ]
    assert [m.address for m in OscBundle(encode_bundle([encode("/a"), encode("/b")]))] == ["/a", "/b"]


def test_events_are_packed_by_the_table():
    note = NoteOn(1, 7, 60.25, 0.5, 12.000001, "la")
    (message,) = read(pack(note))
    assert read_event(message.address, message.tags, message.values).event == note
    (message,) = read(pack(replace(note, when_s=0.0, lyric="")))
    assert len(message.values) == 4, "what holds its default is left out"


@pytest.mark.parametrize(
    "tag_and_value", [("i", 2**31), ("f", 1e39), ("s", "a\0b"), ("s", "\ud800"), ("c", "x"), ("i", "1"), ("b", "x")]
)
def test_what_cannot_be_written_is_an_error(tag_and_value):
    tag, value = tag_and_value
    with pytest.raises(ValueError, match="."):
        encode("/x", tag, [value])


# The strict reader.


def test_tags_may_be_left_out_where_there_are_no_arguments():
    assert read(b"/vocalese/panic\0") == [OscMessage("/vocalese/panic", "", ())]


def dated(ahead_s):
    return min(2**64 - 1, int((NOW_S + NTP_1900_S + ahead_s) * 2**32))


@pytest.mark.parametrize("tag", [0, 1, dated(-5), dated(-3600), dated(0)])
def test_a_bundle_for_now_or_before_is_played_now(tag):
    assert read(bundle(PING, tag=tag)) == read(PING)


@pytest.mark.parametrize("ahead_s", [0.02, 0.2, 1.0, limits.MAX_AHEAD_S - 0.01])
def test_a_bundle_dated_ahead_gives_the_time_ahead(ahead_s):
    (message,) = read(bundle(PING, tag=dated(ahead_s)))
    assert message.ahead_s == pytest.approx(ahead_s, abs=1e-6) and message.address == "/vocalese/ping"


@pytest.mark.parametrize(
    ("outer_s", "inner_s", "first_s", "second_s"), [(1, 2, 1, 2), (2, 1, 2, 2), (2, -1, 2, 2), (-1, 2, 0, 2)]
)
def test_a_bundle_is_not_played_before_the_one_that_it_is_in(outer_s, inner_s, first_s, second_s):
    found = read(bundle(PING, bundle(PING, tag=dated(inner_s)), tag=dated(outer_s)))
    assert [message.ahead_s for message in found] == pytest.approx([first_s, second_s], abs=1e-6)


@pytest.mark.parametrize("ahead_s", [limits.MAX_AHEAD_S + 0.01, 60.0, 3600.0, 3e8])
def test_a_bundle_from_the_future_is_refused_with_advice(ahead_s):
    for packet in (bundle(PING, tag=dated(ahead_s)), bundle(bundle(PING, tag=dated(ahead_s)))):
        rejection = only_refusal(packet)
        assert rejection.code is Code.PACKET and "when_s" in rejection.text and "clocks" in rejection.text


def test_bundles_are_nested_to_a_limit():
    assert read(nested(limits.MAX_BUNDLE_DEPTH)) == read(PING)
    assert "deep" in only_refusal(nested(limits.MAX_BUNDLE_DEPTH + 1)).text
    assert len(nested(3_000)) < limits.MAX_PACKET_BYTES
    assert "deep" in only_refusal(nested(3_000)).text


def test_bundles_have_a_limited_number_of_elements():
    assert len(read(bundle(*[PING] * limits.MAX_BUNDLE_ELEMENTS))) == limits.MAX_BUNDLE_ELEMENTS
    assert "elements" in only_refusal(bundle(*[PING] * (limits.MAX_BUNDLE_ELEMENTS + 1))).text
    assert "elements" in only_refusal(bundle(*[bundle()] * 3_000)).text


@pytest.mark.parametrize("size", [-4, -1, 0, 2, 3, 9999, 2**31 - 1, -(2**31)])
def test_elements_have_the_size_of_what_is_there(size):
    assert only_refusal(bundle() + struct.pack(">i", size) + b"/abc\0\0\0\0").code is Code.PACKET


@pytest.mark.parametrize(
    "packet", [b"", b"/", b"abc", b"\0\0\0\0", b"abcd", b"#bundle\0", b"#bundle\0\0\0\0\0", b"/abc", b",i\0\0", b"/a\0x,\0\0\0"]
)
def test_fragments_are_refused(packet):
    assert only_refusal(packet).code is Code.PACKET


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"i\0\0\0", Code.PACKET),  # no comma
        (b",i\0\0", Code.PACKET),  # no value
        (b",d\0\0\0\0\0\0", Code.PACKET),  # half a value
        (b",i\0\0\0\0\0\1\0\0\0\2", Code.PACKET),  # a value too many
        (b",s\0\0abcd", Code.PACKET),  # a text without an end
        (b",s\0\0ab\0x", Code.PACKET),  # padded with something
        (b",s\0\0\xff\xfe\0\0", Code.TEXT),
        (b",s\0\0\xed\xa0\x80\0", Code.TEXT),  # a lone surrogate
        (b",b\0\0" + struct.pack(">i", -1), Code.PACKET),
        (b",b\0\0" + struct.pack(">i", 2**31 - 1) + b"abcd", Code.PACKET),
        (b",z\0\0", Code.TYPE),
        (b",[i]\0\0\0\0\0\0\0\1", Code.TYPE),
        (b"," + b"T" * (limits.MAX_ARGUMENTS + 1) + b"\0\0", Code.COUNT),
    ],
)
def test_broken_messages_are_refused_under_their_address(body, code):
    rejection = only_refusal(b"/abc\0\0\0\0" + body)
    assert (rejection.address, rejection.code) == ("/abc", code)


@pytest.mark.parametrize(
    ("body", "tags", "values"),
    [
        (b",TFIN\0\0\0", "TFIN", (True, False, True, None)),
        (b",Ii\0\0\0\0\7", "Ii", (True, 7)),
        (b",ci\0\0\0\0x\0\0\0\7", "ci", (b"\0\0\0x", 7)),
        (b",t\0\0" + bytes(8), "t", (bytes(8),)),
    ],
)
def test_types_of_osc_1_1_are_read(body, tags, values):
    assert read(b"/abc\0\0\0\0" + body) == [OscMessage("/abc", tags, values)]


def test_a_broken_message_does_not_take_its_neighbours_along():
    answers = read(bundle(PING, b"/abc\0\0\0\0,z\0\0", PING))
    assert [isinstance(answer, OscMessage) for answer in answers] == [True, False, True]


@pytest.mark.parametrize(
    "address", ["/*", "/********************Z", "/vocalese/{note,ping}", "/vocalese/[a-z]*", "/?", "//ping"]
)
def test_patterns_match_nothing(address):
    (message,) = read(encode(address))
    rejection = read_event(message.address, message.tags, message.values)
    assert rejection.code is Code.ADDRESS and explain(rejection)


def test_packets_of_any_size_are_read_or_refused():
    text = "x" * 60_000
    assert read(encode("/x", "s", [text])) == [OscMessage("/x", "s", (text,))]
    assert only_refusal(bytes(limits.MAX_PACKET_BYTES)).code is Code.PACKET
    assert only_refusal(b"/" * limits.MAX_PACKET_BYTES).code is Code.PACKET
    assert only_refusal(encode("/x", "s", ["x" * 65_600])).code is Code.PACKET


# Thousands of packets that nobody wrote by hand.


def samples(seed, count):
    """Random bytes, valid packets, and valid packets with bytes changed, cut out, doubled or overwritten with extreme numbers."""
    rng = random.Random(seed)
    valid = [written_by_python_osc(row.address, "", []).dgram for row in MESSAGES]
    for row in MESSAGES:
        rounds = row.repeated.arguments if row.repeated else ()
        fixed = row.arguments[: len(row.example)]
        tags = "".join(a.tag for a in (*fixed, *rounds * ((len(row.example) - len(fixed)) // max(1, len(rounds)))))
        valid.append(encode(row.address, tags, row.example))
    extremes = [struct.pack(">i", n) for n in (-4, -1, 0, 2**31 - 1, -(2**31), 9999)] + [
        struct.pack(">f", math.nan),
        b"\x7f\x80\0\0",
        b"\0*?[",
    ]
    for _ in range(count):
        kind = rng.randrange(4)
        if kind == 0:
            yield rng.randbytes(rng.choice([0, 1, 4, 16, 28, 100, 1_000]))
            continue
        packet = bytearray(rng.choice(valid) if kind < 3 else bundle(*rng.choices(valid, k=rng.randrange(5))))
        for _ in range(rng.randrange(1, 5)):
            place = rng.randrange(len(packet) + 1)
            change = rng.randrange(4)
            if change == 0 and packet:
                packet[place % len(packet)] = rng.randrange(256)
            elif change == 1:
                del packet[place : place + rng.choice([1, 4, 8])]
            elif change == 2:
                packet[place:place] = packet[place : place + rng.choice([4, 8])]
            else:
                place -= place % 4
                packet[place : place + 4] = rng.choice(extremes)
        yield bytes(packet)


def test_mutated_packets_give_valid_events_or_reasons():
    taken, refused = 0, 0
    for packet in samples(seed=7, count=6_000):
        for answer in read(packet):
            if isinstance(answer, OscMessage):
                answer = read_event(answer.address, answer.tags, answer.values)
            if isinstance(answer, Rejection):
                refused += 1
                assert answer.code in Code and explain(answer) and len(answer.text) < 1_000
            else:
                taken += 1
                assert isinstance(read_event(*_again(answer)), Read)
    assert taken > 100 and refused > 1_000, "both sides of the check are exercised"


def _again(answer):
    (message,) = read(pack(answer.event, answer.seq))
    return message.address, message.tags, message.values
