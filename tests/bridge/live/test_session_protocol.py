"""Contents of a session and the right to change it: revisions, names, modes, seeds, notes of several clients, one score after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import pytest

from bridge.audio.engine import AudioConfig
from bridge.cli.send import SendOptions
from bridge.client import VocaleseClient
from bridge.commands import send
from bridge.midi.router import MidiRouter
from bridge.protocol import events, replies
from bridge.server import ServerOptions, VocaleseServer
from bridge.song.replies import song_replies
from bridge.song.timeline import Timeline
from engine import STARTER_NAME, Mode, Note, Score, TempoChange, TempoMap, Track, write_score
from engine.errors import ProtocolError

WAIT_S = 60.0
TRACKS = 4
PPQ = 480
NOTES = [(0.0, 1.0, 60.0, 0.8, "stay")]


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, f"no {what} within {WAIT_S:g} s"
        time.sleep(0.01)


class Session:
    """A server without a device, and what it told the user."""

    def __init__(self, folder: Path) -> None:
        self.notices: list[str] = []
        options = ServerOptions(
            audio=AudioConfig(output="null", block_frames=256, tracks=TRACKS),
            voices=(STARTER_NAME,) * TRACKS,
            languages=("en",) * TRACKS,
            port=0,
            with_midi=False,
            takes=folder / "takes",
            cache=folder / "phrases",
        )
        self.folder = folder
        self.server = VocaleseServer(options, self.notices.append)

    def client(self) -> VocaleseClient:
        return VocaleseClient(port=self.server.osc.port, timeout_s=5.0)

    def sounds(self, track: int = 0) -> bool:
        return self.server.audio.telemetry().tracks[track].peak_db > -40.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    session = Session(tmp_path_factory.mktemp("session"))
    yield session
    session.server.close()


@pytest.fixture
def session(running: Session) -> Session:
    """A session with empty tracks."""
    with running.client() as client:
        client.panic()
        client.clear()
        client.song()  # it has been done
    running.notices.clear()
    return running


# Revisions.


@pytest.mark.parametrize(
    ("change", "known"),
    [
        (lambda client, revision: client.clip(NOTES, track=1, clip=3, revision=revision), "clip 3 of track 1"),
        (lambda client, revision: client.remove_clip(4, track=1, revision=revision), "clip 4 of track 1"),
    ],
    ids=["clip", "removal"],
)
def test_a_revision_goes_up_or_is_refused(session: Session, change, known: str) -> None:
    with session.client() as client, session.client() as other:
        change(client, 5)
        for revision in (5, 4, 0):
            with pytest.raises(
                ProtocolError, match=f"revision {revision} of {known} was sent, and revision 5 is there.*send 6"
            ):
                change(other, revision)
        change(other, 6)
        client.clear(1)
        change(client, 1)


def test_the_revision_of_a_tempo_map_goes_up(session: Session) -> None:
    with session.client() as client:
        first = max(1, client.song().latest_revision + 1)
        client.tempo(first + 4, [(0.0, 90.0, 3, 4), (8.0, 100.0, 4, 4)])
        for revision in (first + 4, first):
            with pytest.raises(ProtocolError, match="of the tempo map was sent"):
                client.tempo(revision, [(0.0, 60.0, 4, 4)])
        held = client.song()
        assert held.song.tempo_revision == first + 4
        assert held.tempo == (events.TempoPoint(0.0, 90.0, 3, 4), events.TempoPoint(8.0, 100.0, 4, 4))
        client.tempo(None, [(0.0, 120.0, 4, 4)])
        client.tempo(None, [(0.0, 120.0, 4, 4)])


def test_what_is_refused_changes_nothing(session: Session) -> None:
    with session.client() as client:
        client.clip(NOTES, track=0, clip=1, revision=5)
        with pytest.raises(ProtocolError, match="revision"):
            client.clip([*NOTES, (1.0, 1.0, 62.0, 0.8, "with")], track=0, clip=1, revision=5)
        assert [(clip.revision, clip.notes) for clip in client.song().clips] == [(5, 1)]
        assert session.server.osc._clips.open_clips == 0, "its parts are not kept"
        with pytest.raises(ProtocolError, match=f"valid is 0 to {TRACKS - 1}"):
            client.clip(NOTES, track=TRACKS, revision=1)


def test_clips_without_a_revision_follow_each_other(session: Session) -> None:
    with session.client() as client:
        revisions = [client.clip(NOTES).revision for _ in range(3)]
        assert revisions == sorted(set(revisions))
        client.remove_clip(0)
        assert client.song().clips == ()


# What a session holds.


def test_a_session_lists_its_contents(session: Session) -> None:
    with session.client() as client:
        client.name_track("Lead (double)", track=1)
        client.seed(7, track=1)
        client.mode("rap", track=1)
        client.param("gain_db", -6.0, track=1)
        client.param("transpose_semitones", 2.0, track=1)
        client.clip(NOTES, track=1, clip=4, revision=9, start_ppq=8.0, length_ppq=4.0)
        client.request(events.Loop(True, 4.0, 8.0))
        held = client.song()
        assert len(held.tracks) == TRACKS and [track.track for track in held.tracks] == list(range(TRACKS))
        assert held.tracks[1] == replies.SongTrack(
            held.song.snapshot, 1, "Lead (double)", STARTER_NAME, "en", "rap", 7, -6.0, 2.0
        )
        assert held.tracks[0].name == "track 1" and held.tracks[0].mode == "sing"
        assert held.clips == (replies.ClipTold(1, 4, 9, 1, 8.0, 4.0),)
        assert (held.song.loop, held.song.loop_start_ppq, held.song.loop_end_ppq) == (True, 4.0, 8.0)
        client.clear(1)
        after = client.song()
        assert after.clips == () and (after.tracks[1].name, after.tracks[1].seed, after.tracks[1].mode) == ("track 2", 7, "rap")
        client.request(events.Loop(False, 0.0, 0.0))
        for change in (lambda: client.seed(0, track=1), lambda: client.mode("sing", track=1)):
            change()
        client.param("transpose_semitones", 0.0, track=1)
        client.param("gain_db", 0.0, track=1)


def test_a_large_snapshot_comes_in_parts_that_get_through() -> None:
    from bridge.osc import pack

    timeline = Timeline()
    for track in range(3):
        for number in range(50):
            timeline = timeline.with_clip(events.Clip(track, number, 1, 0.0, 4.0, (), ()))
    timeline = timeline.with_tempo(1, [events.TempoPoint(float(n), 100.0 + n, 4, 4) for n in range(250)])
    told = song_replies(timeline, 3)
    assert all(len(pack(reply)) <= 1_400 for reply in told)
    header = told[0]
    assert isinstance(header, replies.Song) and (header.tracks, header.clips, header.tempo_changes) == (3, 150, 250)
    clips = [clip for reply in told if isinstance(reply, replies.SongClips) for clip in reply.clips]
    assert [(clip.track, clip.clip) for clip in clips] == [(track, number) for track in range(3) for number in range(50)]


# One score after another.


def write_song(folder: Path, name: str, tracks: list[str], bpm: float = 120.0) -> Path:
    parts = tuple(Track(track, (Note(0, PPQ, 60.0 + n, 96, "stay"),)) for n, track in enumerate(tracks))
    path = folder / f"{name}.mid"
    write_score(Score(name, PPQ, parts, TempoMap(PPQ, (TempoChange(0, 60e6 / bpm),))), path)
    return path


def send_song(session: Session, path: Path, first_track: int = 0) -> None:
    assert send.run(SendOptions(score=path, port=session.server.osc.port, first_track=first_track)) == 0


def names_of(session: Session) -> dict[int, str]:
    """Names of the tracks that have clips."""
    with session.client() as client:
        held = client.song()
    return {clip.track: held.tracks[clip.track].name for clip in held.clips}


def test_a_score_that_is_sent_replaces_the_one_before(session: Session, tmp_path: Path) -> None:
    big, small = write_song(tmp_path, "big", ["Lead", "Alto", "Bass"]), write_song(tmp_path, "small", ["Solo"], 90.0)
    send_song(session, big)
    assert names_of(session) == {0: "Lead", 1: "Alto", 2: "Bass"}
    send_song(session, big)  # within the same second
    send_song(session, small)
    assert names_of(session) == {0: "Solo"}
    with session.client() as client:
        held = client.song()
        assert held.tempo[0].bpm == pytest.approx(90.0) and held.tracks[1].name == "track 2"
    send_song(session, big)
    assert names_of(session) == {0: "Lead", 1: "Alto", 2: "Bass"}


def test_a_score_on_other_tracks_stays(session: Session, tmp_path: Path) -> None:
    lead, harmony = write_song(tmp_path, "song", ["Lead"]), write_song(tmp_path, "harmony", ["High", "Low"])
    send_song(session, lead)
    send_song(session, harmony, first_track=1)
    send_song(session, lead)
    assert names_of(session) == {0: "Lead", 1: "High", 2: "Low"}
    send_song(session, lead, first_track=1)
    assert names_of(session) == {0: "Lead", 1: "Lead"}


def test_stems_are_called_as_the_tracks(session: Session, tmp_path: Path) -> None:
    send_song(session, write_song(tmp_path, "song", ["Lead", "Alto/Tenor"]))
    with session.client() as client:
        client.export("named")
        written: list[replies.Written] = []

        def is_written() -> bool:
            while (reply := client.poll()) is not None:
                assert not isinstance(reply, replies.Error), reply
                written.extend([reply] if isinstance(reply, replies.Written) else [])
            return len(written) == 2

        wait_until(is_written, "two stems")
    assert sorted(Path(reply.path).stem for reply in written) == ["named - Alto_Tenor", "named - Lead"]


# Modes.


@pytest.mark.parametrize("mode", ["rap", "talk", "sing"])
def test_a_mode_counts_for_live_notes_and_clips(session: Session, mode: str) -> None:
    with session.client() as client:
        client.mode(mode, track=2)
        client.clip(NOTES, track=2)
        wait_until(lambda: any(clip.track == 2 for clip in client.song().clips), "clip")
        assert client.song().tracks[2].mode == mode
        assert session.server.engine.track(2).settings.mode is Mode(mode)
        client.note(60.0, duration_s=0.4, lyric="stay", track=2)
        wait_until(lambda: session.sounds(2), "live note")
        client.send(events.Render(2, events.ALL, 48_000))
        wait_until(lambda: isinstance(client.poll(), replies.Done), "clip")
        wait_until(lambda: not session.sounds(2), "silence")
        assert client.poll() is None and session.notices == []
        client.mode("sing", track=2)


# Notes of several clients.


def test_clients_do_not_end_each_others_notes(session: Session) -> None:
    with session.client() as one, session.client() as other:
        one.note_on(1, 60.0, lyric="la")
        wait_until(session.sounds, "note")
        other.note_on(1, 67.0)
        other.note_off(1)
        other.note_off(1)
        other.song()
        time.sleep(0.5)
        assert session.sounds(), "it is held by who began it"
        one.note_off(1)
        wait_until(lambda: not session.sounds(), "silence")


def test_a_client_that_vanishes_leaves_no_note(session: Session) -> None:
    with session.client() as client:
        client.subscribe("status", 1.0)
        client.note_on(1, 60.0, lyric="la")
        wait_until(session.sounds, "note")
        time.sleep(1.5)
        assert session.sounds(), "its lease is renewed while it lives"
    wait_until(lambda: not session.sounds(), "silence")
    wait_until(lambda: session.notices, "notice")
    assert len(session.notices) == 1 and "a note that it held has ended" in session.notices[0]


def test_a_note_on_with_velocity_0_is_a_note_off(session: Session) -> None:
    with session.client() as one, session.client() as other:
        one.note_on(1, 60.0, lyric="la")
        wait_until(session.sounds, "note")
        other.note_on(2, 60.0, velocity=0.0)
        other.note_on(1, 60.0, velocity=0.0)
        wait_until(lambda: not session.sounds(), "silence: a sender that began none means the note of that number")


def test_a_program_that_sends_from_a_new_port_each_time_ends_its_note(session: Session) -> None:
    with session.client() as client:
        client.note_on(1, 60.0, lyric="la")
    wait_until(session.sounds, "note")
    with session.client() as client:
        client.note_off(1)
        wait_until(lambda: not session.sounds(), "silence")


# What the user is told.


def test_resets_on_unused_channels_give_no_notice(session: Session) -> None:
    router, clock = MidiRouter(), session.server.clock_s
    for channel in range(16):
        for control in (120, 121, 123):
            session.server.session.play(router.feed(mido.Message("control_change", channel=channel, control=control), clock()))
        session.server.session.play(router.feed(mido.Message("program_change", channel=channel, program=0), clock()))
    assert not any("plays no track" in notice for notice in session.notices)
    session.server.session.play(router.feed(mido.Message("note_on", channel=9, note=60, velocity=100), clock()))
    session.server.session.play(router.feed(mido.Message("note_on", channel=9, note=62, velocity=100), clock()))
    assert [notice for notice in session.notices if "plays no track" in notice] == [
        f"MIDI channel 10 plays no track. Track 9; valid is 0 to {TRACKS - 1}. Start the server with --tracks 10 to have it."
    ]


def test_a_notice_about_words_on_notes_is_given_once(session: Session) -> None:
    with session.client() as client:
        for _ in range(3):
            client.note(60.0, duration_s=0.05, lyric="zwabbelig", track=3)
        client.song()
    about = [notice for notice in session.notices if "zwabbelig" in notice]
    assert len(about) == len(set(about))
