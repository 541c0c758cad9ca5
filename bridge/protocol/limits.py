"""Limits of the protocol, for parser, server, client and the page in docs/."""

from __future__ import annotations

API_MAJOR, API_MINOR = 1, 2  # another major version is rejected, a higher minor one only adds

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 57160

MAX_PACKET_BYTES = 65_507  # what one UDP datagram over IPv4 can carry
MAX_BUNDLE_DEPTH = 4
MAX_BUNDLE_ELEMENTS = 64  # in one packet, bundles inside bundles included
MAX_ARGUMENTS = 1_024
MAX_AHEAD_S = 5.0  # a bundle dated further ahead than this is refused
MAX_HELD_MESSAGES, MAX_HELD_BYTES = 4_096, 4 << 20  # of dated bundles that wait for their time, of all senders together
LOWEST_REPLY_PORT, HIGHEST_PORT = 1_024, 65_535

MAX_TRACK = 63
MAX_ID = 2**31 - 1
MAX_PPQ = 1e6  # quarter notes: more than five days at 120 bpm
MAX_LYRIC_CHARACTERS = 200  # of one note
MAX_TEXT_CHARACTERS = 4_000  # of a whole text
MAX_NAME_CHARACTERS = 64

MAX_CLIP_NOTES = 10_000
MAX_CLIP_CURVES = 64  # messages, not points
MAX_CURVE_POINTS = 500  # in one message
MAX_TEMPO_CHANGES = 250
MAX_OPEN_CLIPS = 8  # begun and not ended, of all senders together
MAX_KNOWN_CLIPS = 10_000  # whose revisions are remembered
CLIP_IDLE_S = 60.0  # an open clip without new parts is forgotten
MAX_MISSING = 250  # indices asked for again in one message
MAX_CLIPS_TOLD, MAX_TEMPOS_TOLD = 32, 32  # in one message of a snapshot: it fits the usual network frame

SENDER_RATE_HZ, SENDER_BURST = 4_000.0, 4_000.0  # messages; every started KiB beyond the first of a packet counts as one more
TOTAL_RATE_HZ, TOTAL_BURST = 8_000.0, 8_000.0
NOTE_TIMEOUT_S = 300.0  # default time without packets after which a sender's live notes end
NOTE_RATE_HZ, NOTE_BURST = (
    250.0,
    500.0,
)  # live notes of one track, of all senders
# Pings and panics have separate rate limits, so that a flood does not hide them.
URGENT_SENDER_RATE_HZ, URGENT_SENDER_BURST = 200.0, 100.0
URGENT_TOTAL_RATE_HZ, URGENT_TOTAL_BURST = 4_000.0, 1_000.0
ERROR_SENDER_RATE_HZ, ERROR_SENDER_BURST = 10.0, 20.0
ERROR_TOTAL_RATE_HZ, ERROR_TOTAL_BURST = 100.0, 100.0

MAX_SENDERS = 256  # remembered; the least recently active is forgotten first
MAX_REMEMBERED_SEQUENCE_NUMBERS = 1_024  # of each sender
MAX_SUBSCRIPTIONS = 64
MAX_LEASE_S = 60.0
MAX_WAITING_EXPORTS = 8  # besides the one in work
MAX_QUEUED_EVENTS = 4_096
MAX_QUEUED_WEIGHT = 100_000  # notes, curve points and pieces of text: bounds the memory of queued events
