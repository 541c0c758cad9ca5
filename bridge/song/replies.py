"""Contents of a session as OSC replies."""

from __future__ import annotations

from bridge.protocol import limits, replies

from .timeline import Timeline


def song_replies(timeline: Timeline, snapshot: int) -> list[replies.Reply]:
    """Return the contents of a session as messages: first their number, then all of them."""
    tracks = sorted(timeline.tracks.items())
    clips = [
        replies.ClipTold(number, clip.clip, clip.revision, len(clip.notes), clip.start_ppq, clip.length_ppq)
        for number, track in tracks
        for _, clip in sorted(track.clips.items())
    ]
    changes = timeline.tempo_changes
    start_ppq, end_ppq = timeline.loop or (0.0, 0.0)
    told: list[replies.Reply] = [
        replies.Song(
            snapshot,
            len(tracks),
            len(clips),
            len(changes),
            timeline.tempo_revision,
            timeline.loop is not None,
            start_ppq,
            end_ppq,
        )
    ]
    for number, track in tracks:
        singing = track.singing
        told.append(
            replies.SongTrack(
                snapshot,
                number,
                track.name[: limits.MAX_NAME_CHARACTERS],
                singing.voice,
                singing.words.language or "",
                singing.settings.mode.value,
                singing.settings.seed,
                track.gain_db,
                singing.semitones,
            )
        )
    for first in range(0, len(clips), limits.MAX_CLIPS_TOLD):
        told.append(replies.SongClips(snapshot, first, tuple(clips[first : first + limits.MAX_CLIPS_TOLD])))
    for first in range(0, len(changes), limits.MAX_TEMPOS_TOLD):
        told.append(replies.SongTempo(snapshot, first, tuple(changes[first : first + limits.MAX_TEMPOS_TOLD])))
    return told
