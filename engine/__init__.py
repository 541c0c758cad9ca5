"""The Vocalese engine: score and words in, voice out. Knows nothing of OSC, MIDI ports, sound cards, DAWs or the clock on the wall.

    score  →  lyrics  →  performance  →  voice (networks)  →  synthesis  →  samples

This file is the whole public face; names load their room on first use, so that asking for help stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import (
        DeviceError,
        LyricError,
        OutputError,
        RenderError,
        ScoreError,
        SettingsError,
        TrainingError,
        VocaleseError,
        VoiceError,
    )
    from .lyrics import LyricText, NoteKind, UserDictionary, parse_lyric_text, read_lyric_text, read_user_dictionary
    from .performance import Mode, PerformanceSettings, note_name
    from .performance.live import LivePerformer
    from .performance.live_events import (
        LIVE_RANGES,
        AllNotesOff,
        Bend,
        Configure,
        Expression,
        GoToLine,
        LiveEvent,
        LiveParameter,
        LiveSettings,
        Lyrics,
        NoteOff,
        NoteOn,
        Overlap,
        Panic,
        ResetControllers,
        StepLine,
        Sustain,
        WhenEmpty,
    )
    from .performance.live_lyrics import LyricLine, LyricPosition, SplitLyrics, split_lyrics, split_note_lyric
    from .performance.types import Performance
    from .score import Curve, Note, Parameter, Score, TempoChange, TempoMap, Track, read_score, select_tracks, write_score
    from .studio.adapt import AdaptOptions, adapt_voice
    from .studio.follow import FollowNote, FollowReport, measure_following
    from .studio.likeness import Likeness, measure_likeness
    from .studio.picture import draw_following
    from .studio.recipe import Recipe, read_recipe
    from .studio.train import train_voice
    from .synthesis.cache import PhraseCache
    from .synthesis.gpt_sovits.features import FEATURE_FILES, HUB_REPOSITORY, FeatureFolder
    from .synthesis.gpt_sovits.settings import ComputeDevice, ImportedSettings, Precision
    from .synthesis.gpt_sovits.text import read_reference_text
    from .synthesis.labels import write_labels
    from .synthesis.live import LiveLatency, LiveVoice
    from .synthesis.pace import paced
    from .synthesis.plan import Plan, PlannedTrack, WordSettings, plan_score, plan_text
    from .synthesis.render import render_phrase, render_track
    from .synthesis.voices import load_voice
    from .voice.adapter_card import installed_adapter, read_adapter_card
    from .voice.card import VoiceCard
    from .voice.catalogue import STARTER_NAME, load_card, voice_folders
    from .voice.gpt_sovits import Provenance, Reference, import_voice
    from .voice.pitch_adapter import install_adapter
    from .voice.types import Voice

_HOME: dict[str, str] = {
    **dict.fromkeys(
        (
            "DeviceError",
            "LyricError",
            "OutputError",
            "RenderError",
            "ScoreError",
            "SettingsError",
            "TrainingError",
            "VocaleseError",
            "VoiceError",
        ),
        "errors",
    ),
    **dict.fromkeys(
        ("LyricText", "NoteKind", "UserDictionary", "parse_lyric_text", "read_lyric_text", "read_user_dictionary"), "lyrics"
    ),
    **dict.fromkeys(("Mode", "PerformanceSettings", "note_name"), "performance"),
    "Performance": "performance.types",
    **dict.fromkeys(
        (
            "Curve",
            "Note",
            "Parameter",
            "Score",
            "TempoChange",
            "TempoMap",
            "Track",
            "read_score",
            "select_tracks",
            "write_score",
        ),
        "score",
    ),
    **dict.fromkeys(("AdaptOptions", "adapt_voice"), "studio.adapt"),
    **dict.fromkeys(("FollowNote", "FollowReport", "measure_following"), "studio.follow"),
    **dict.fromkeys(("Likeness", "measure_likeness"), "studio.likeness"),
    "draw_following": "studio.picture",
    **dict.fromkeys(("Recipe", "read_recipe"), "studio.recipe"),
    "train_voice": "studio.train",
    "PhraseCache": "synthesis.cache",
    "write_labels": "synthesis.labels",
    **dict.fromkeys(("Plan", "PlannedTrack", "WordSettings", "plan_score", "plan_text"), "synthesis.plan"),
    "LivePerformer": "performance.live",
    **dict.fromkeys(
        (
            "AllNotesOff",
            "Bend",
            "Configure",
            "Expression",
            "GoToLine",
            "LIVE_RANGES",
            "LiveEvent",
            "LiveParameter",
            "LiveSettings",
            "Lyrics",
            "NoteOff",
            "NoteOn",
            "Overlap",
            "Panic",
            "ResetControllers",
            "StepLine",
            "Sustain",
            "WhenEmpty",
        ),
        "performance.live_events",
    ),
    **dict.fromkeys(
        ("LyricLine", "LyricPosition", "SplitLyrics", "split_lyrics", "split_note_lyric"), "performance.live_lyrics"
    ),
    **dict.fromkeys(("LiveLatency", "LiveVoice"), "synthesis.live"),
    **dict.fromkeys(("render_phrase", "render_track"), "synthesis.render"),
    "VoiceCard": "voice.card",
    **dict.fromkeys(("STARTER_NAME", "load_card", "voice_folders"), "voice.catalogue"),
    **dict.fromkeys(("FEATURE_FILES", "HUB_REPOSITORY", "FeatureFolder"), "synthesis.gpt_sovits.features"),
    **dict.fromkeys(("ComputeDevice", "ImportedSettings", "Precision"), "synthesis.gpt_sovits.settings"),
    "read_reference_text": "synthesis.gpt_sovits.text",
    "paced": "synthesis.pace",
    "load_voice": "synthesis.voices",
    **dict.fromkeys(("installed_adapter", "read_adapter_card"), "voice.adapter_card"),
    **dict.fromkeys(("Provenance", "Reference", "import_voice"), "voice.gpt_sovits"),
    "install_adapter": "voice.pitch_adapter",
    "Voice": "voice.types",
}

__all__ = [
    "FEATURE_FILES",
    "HUB_REPOSITORY",
    "LIVE_RANGES",
    "Likeness",
    "STARTER_NAME",
    "AdaptOptions",
    "AllNotesOff",
    "Bend",
    "ComputeDevice",
    "Configure",
    "Curve",
    "DeviceError",
    "Expression",
    "FeatureFolder",
    "FollowNote",
    "FollowReport",
    "GoToLine",
    "ImportedSettings",
    "LiveEvent",
    "LiveLatency",
    "LiveParameter",
    "LivePerformer",
    "LiveSettings",
    "LiveVoice",
    "LyricError",
    "LyricLine",
    "LyricPosition",
    "LyricText",
    "Lyrics",
    "Mode",
    "Note",
    "NoteKind",
    "NoteOff",
    "NoteOn",
    "OutputError",
    "Overlap",
    "Panic",
    "Parameter",
    "Performance",
    "PerformanceSettings",
    "PhraseCache",
    "Plan",
    "PlannedTrack",
    "Precision",
    "Provenance",
    "Recipe",
    "Reference",
    "RenderError",
    "ResetControllers",
    "Score",
    "ScoreError",
    "SettingsError",
    "SplitLyrics",
    "StepLine",
    "Sustain",
    "TempoChange",
    "TempoMap",
    "Track",
    "TrainingError",
    "UserDictionary",
    "VocaleseError",
    "Voice",
    "VoiceCard",
    "VoiceError",
    "WhenEmpty",
    "WordSettings",
    "adapt_voice",
    "draw_following",
    "import_voice",
    "install_adapter",
    "installed_adapter",
    "load_card",
    "load_voice",
    "measure_following",
    "measure_likeness",
    "note_name",
    "paced",
    "parse_lyric_text",
    "plan_score",
    "plan_text",
    "read_adapter_card",
    "read_lyric_text",
    "read_recipe",
    "read_reference_text",
    "read_score",
    "read_user_dictionary",
    "render_phrase",
    "render_track",
    "select_tracks",
    "split_lyrics",
    "split_note_lyric",
    "train_voice",
    "voice_folders",
    "write_labels",
    "write_score",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
