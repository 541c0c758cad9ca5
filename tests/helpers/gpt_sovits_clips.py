"""Coded clips that pitch adapters can be trained on in seconds: notes of a buzz, with codes that tell the pitch."""

from __future__ import annotations

import numpy as np

from engine.train.stages.score_frames import CodedClip

RATE = 32_000


def tone(f0_hz: np.ndarray, harmonics: int = 12) -> np.ndarray:
    """A buzz at exactly F0, given at 50 Hz."""
    f0 = np.repeat(f0_hz, 640)
    cycles = np.cumsum(f0 / RATE)
    return sum(np.sin(2 * np.pi * h * cycles) / h for h in range(1, harmonics + 1)).astype(np.float32) * 0.15


def sung_clip(number: int) -> CodedClip:
    """A second of notes whose codes tell the pitch."""
    random = np.random.default_rng(number)
    steps = 30
    notes = random.integers(50, 62, 3)
    pitch = np.repeat(notes, 20)
    f0_hz = (440.0 * 2 ** ((pitch - 69) / 12)).astype(np.float32)
    return CodedClip(
        name=f"clip {number}",
        codes=(notes[np.arange(steps) // 10] * 3).astype(np.int64),
        phones=np.array([40, 41, 42], dtype=np.int64),
        phone_of_code=np.arange(steps) // 10,
        time_left_s=(0.4 - 0.04 * (np.arange(steps) % 10)).astype(np.float32),
        f0_hz=f0_hz,
        voiced=np.ones(2 * steps, dtype=np.float32),
        samples=tone(f0_hz),
    )
