"""`LiveState` brings a fresh performer into the state of another one: all that lasts, and no more."""

from __future__ import annotations

from engine import (
    Bend,
    Configure,
    Expression,
    GoToLine,
    LivePerformer,
    LiveSettings,
    LiveState,
    Lyrics,
    NoteOn,
    Parameter,
    PerformanceSettings,
    ResetControllers,
    split_lyrics,
)
from engine.live.lyric_queue import MAX_CUES

WORDS = split_lyrics("sing it\nlouder now").lines


def restored(state: LiveState) -> LivePerformer:
    """Return a fresh performer that was brought into a state."""
    performer = LivePerformer(PerformanceSettings())
    for event in state.events():
        performer.feed(event)
    performer.advance(1)
    return performer


def test_words_and_the_place_in_them_are_remembered() -> None:
    state = LiveState()
    assert state.events() == ()
    for event in (Lyrics(0.0, WORDS[:1]), Lyrics(0.0, WORDS[1:], replaces=False), GoToLine(0.0, 1, 1)):
        state.apply(event)
    assert restored(state).lyric_position.next_text in ("der", "er")
    state.apply(Lyrics(0.0, ()))
    assert restored(state).lyric_position.remaining == 0


def test_words_without_syllables_leave_no_state() -> None:
    state = LiveState()
    state.apply(Lyrics(0.0, WORDS))
    before = state.events()
    for _ in range(1_000):
        state.apply(Lyrics(0.0, (), replaces=False))
    assert state.events() == before


def test_as_many_words_are_kept_as_a_voice_keeps() -> None:
    """Else the place in them would be another one."""
    state, performer = LiveState(), LivePerformer(PerformanceSettings())
    many = WORDS * (MAX_CUES // 5)
    for event in (Lyrics(0.0, many), Lyrics(0.0, many, replaces=False), Lyrics(0.0, WORDS, replaces=False)):
        state.apply(event)
        performer.feed(event)
    performer.advance(1)
    assert restored(state).lyric_position.lines == performer.lyric_position.lines
    assert restored(state).lyric_position.remaining == performer.lyric_position.remaining <= MAX_CUES


def test_settings_and_controllers_last_and_notes_do_not() -> None:
    state = LiveState()
    configured = Configure(0.0, PerformanceSettings(seed=3), LiveSettings())
    breath = Expression(0.0, Parameter.BREATH, 0.5)
    for event in (configured, breath, Bend(0.0, 1.0), Bend(0.0, 2.0, 7), NoteOn(0.0, 7, 60.0)):
        state.apply(event)
    assert state.events() == (configured, Bend(0.0, 1.0), breath)
    assert not state.apply(NoteOn(0.0, 7, 60.0))
    assert state.apply(Expression(0.0, Parameter.PRESSURE, 0.5))
    assert state.apply(ResetControllers(0.0))
    assert state.events() == (configured, breath)
