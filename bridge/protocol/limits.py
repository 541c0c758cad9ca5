"""Every number that bounds what may arrive, in one place: parser, server, client and the page in docs/ read them here."""

from __future__ import annotations

API_MAJOR, API_MINOR = 1, 1  # another major version is refused, a higher minor one only adds

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 57160

MAX_PACKET_BYTES = 65_507  # what one UDP datagram over IPv4 can carry
MAX_BUNDLE_DEPTH = 4
MAX_BUNDLE_ELEMENTS = 64  # in one packet, bundles inside bundles included
MAX_ARGUMENTS = 1_024
FUTURE_TOLERANCE_S = 0.1  # a bundle's time tag further ahead than this is refused

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
CLIP_IDLE_S = 60.0  # an open clip that nothing arrives for is forgotten
MAX_MISSING = 250  # indices asked for again in one message

SENDER_RATE_HZ, SENDER_BURST = 4_000.0, 4_000.0  # messages; every started KiB beyond the first of a packet counts as one more
TOTAL_RATE_HZ, TOTAL_BURST = 8_000.0, 8_000.0
NOTE_RATE_HZ, NOTE_BURST = (
    250.0,
    500.0,
)  # live notes of one track, of all senders: more than anybody plays, few enough to be sung beside others
# Pings and panics have allowances of their own, so that a flood does not hide them.
URGENT_SENDER_RATE_HZ, URGENT_SENDER_BURST = 200.0, 100.0
URGENT_TOTAL_RATE_HZ, URGENT_TOTAL_BURST = 4_000.0, 1_000.0
ERROR_SENDER_RATE_HZ, ERROR_SENDER_BURST = 10.0, 20.0
ERROR_TOTAL_RATE_HZ, ERROR_TOTAL_BURST = 100.0, 100.0

MAX_SENDERS = 256  # remembered; the one that was silent longest is forgotten first
MAX_REMEMBERED_SEQUENCE_NUMBERS = 1_024  # of each sender
MAX_SUBSCRIPTIONS = 64
MAX_LEASE_S = 60.0
MAX_WAITING_EXPORTS = 8  # beside the one that is made
MAX_QUEUED_EVENTS = 4_096
MAX_QUEUED_WEIGHT = 100_000  # notes, curve points and pieces of text in these events: bounds their memory, whatever is in them
