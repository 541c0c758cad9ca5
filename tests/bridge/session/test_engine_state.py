"""What is remembered of each track for an engine process that has to be started again: all that lasts, and no more."""

from __future__ import annotations

from bridge.session.engine_process import _MOST_CUES, _TrackState
from engine import (
    Bend,
    Configure,
    Expression,
    GoToLine,
    LiveParameter,
    LivePerformer,
    LiveSettings,
    Lyrics,
    NoteOn,
    PerformanceSettings,
    ResetControllers,
    split_lyrics,
)

WORDS = split_lyrics("sing it\nlouder now").lines


def told(state: _TrackState) -> LivePerformer:
    """A performer that was told what is remembered."""
    performer = LivePerformer(PerformanceSettings())
    for event in state.events():
        performer.feed(event)
    performer.advance(1)
    return performer


def test_words_and_the_place_in_them_are_remembered() -> None:
    state = _TrackState("voice")
    assert state.events() == []
    for event in (Lyrics(0.0, WORDS[:1]), Lyrics(0.0, WORDS[1:], replaces=False), GoToLine(0.0, 1, 1)):
        state.notice(event)
    assert told(state).lyric_position.next_text in ("der", "er")
    state.notice(Lyrics(0.0, ()))
    assert told(state).lyric_position.remaining == 0


def test_nothing_is_kept_of_words_without_syllables() -> None:
    state = _TrackState("voice")
    state.notice(Lyrics(0.0, WORDS))
    before = state.events()
    for _ in range(1_000):
        state.notice(Lyrics(0.0, (), replaces=False))
    assert state.events() == before


def test_as_many_words_are_kept_as_a_voice_keeps() -> None:
    """Or the place in them would be another one."""
    state, performer = _TrackState("voice"), LivePerformer(PerformanceSettings())
    many = WORDS * (_MOST_CUES // 5)
    for event in (Lyrics(0.0, many), Lyrics(0.0, many, replaces=False), Lyrics(0.0, WORDS, replaces=False)):
        state.notice(event)
        performer.feed(event)
    performer.advance(1)
    assert told(state).lyric_position.lines == performer.lyric_position.lines
    assert told(state).lyric_position.remaining == performer.lyric_position.remaining <= _MOST_CUES


def test_settings_and_controllers_last_and_notes_do_not() -> None:
    state = _TrackState("voice")
    configured = Configure(0.0, PerformanceSettings(seed=3), LiveSettings())
    breath = Expression(0.0, LiveParameter.BREATH, 0.5)
    for event in (configured, breath, Bend(0.0, 1.0), Bend(0.0, 2.0, 7), NoteOn(0.0, 7, 60.0)):
        state.notice(event)
    assert state.events() == [configured, Bend(0.0, 1.0), breath]
    changes = state.changes
    state.notice(NoteOn(0.0, 7, 60.0))
    assert state.changes == changes
    state.notice(Expression(0.0, LiveParameter.PRESSURE, 0.5))
    state.notice(ResetControllers(0.0))
    assert state.events() == [configured, breath] and state.changes == changes + 2
