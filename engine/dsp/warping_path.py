"""Dynamic time warping of one utterance onto another of the same words, with pauses in only one of them.

Asymmetric local paths with limited slope (H. Sakoe & S. Chiba, 1978; F. Itakura, 1975): every spoken frame is matched once, a reference
frame is held for at most three spoken frames and at most two are skipped at a time, so speech may be three times slower or faster than
the reference. Between marked reference frames any number of spoken frames may be a pause.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PAUSE = -1

_HOLDS, _STEPS = 3, 3
_BEND_COST = 0.08  # of a typical match, for each frame held or skipped
_PAUSE_ENTRY = 6.0  # typical matches: a stop's closure is shorter than a pause is worth
_ROWS = 256

Array = NDArray[np.float64]


def warping_path(
    spoken: Array, reference: Array, *, pause_costs: Array, pause_before: Sequence[int]
) -> tuple[NDArray[np.int64], float]:
    """Return the reference frame (or PAUSE) of each spoken frame [T], and the mean cost of a match.

    spoken [T, D], reference [S, D]: feature rows; pause_costs [T]: distance of a spoken frame from a pause, in typical matches;
    pause_before: ascending reference frames (0 .. S) before which a pause may lie. Raises ValueError if one is more than three times as
    long as the other.
    """
    frames, states = len(spoken), len(reference)
    typical = typical_distance(spoken, reference)
    gates = np.asarray(pause_before, dtype=np.int64)
    layers = np.full((_HOLDS, states), np.inf)  # cost of being at a reference frame, held 0, 1, 2 times
    pauses = np.full(len(gates), np.inf)
    held = np.zeros((frames, states), dtype=np.int8)  # best layer at each place
    steps = np.zeros((frames, states), dtype=np.int8)  # how a place was entered: 1..3 frames on, 0 from the pause before it
    begun = np.zeros((frames, len(gates)), dtype=np.bool_)  # a pause was entered here
    for t in range(frames):
        if t % _ROWS == 0:
            distances = row_distances(spoken[t : t + _ROWS], reference) / typical
        row = distances[t % _ROWS]
        entered, steps[t], pauses_now, begun[t] = _advance(layers, pauses, gates, is_first=t == 0)
        layers = np.vstack([entered, layers[:-1] + _BEND_COST]) + row
        pauses = pauses_now + pause_costs[t]
        held[t] = np.argmin(layers, axis=0)
    return _traced(layers, pauses, gates, held, steps, begun)


def _advance(
    layers: Array, pauses: Array, gates: NDArray[np.int64], *, is_first: bool
) -> tuple[Array, NDArray[np.int8], Array, NDArray[np.bool_]]:
    """Return costs [S] of entering each reference frame, the steps taken, and costs [K] of each pause, new or continued."""
    states = layers.shape[1]
    if is_first:
        entered = np.where(np.arange(states) == 0, 0.0, np.inf)
        started = gates == 0
        return entered, np.zeros(states, dtype=np.int8), np.where(started, 0.0, np.inf), started
    best = np.concatenate([np.full(_STEPS, np.inf), layers.min(axis=0)])  # best[i + 3] is place i
    options = np.full((_STEPS + 1, states), np.inf)
    inside = gates < states
    options[0, gates[inside]] = pauses[inside]
    for step in range(1, _STEPS + 1):
        options[step] = best[_STEPS - step : _STEPS - step + states] + _BEND_COST * (step - 1)
    chosen = np.argmin(options, axis=0)
    before = best[gates + _STEPS - 1] + _PAUSE_ENTRY
    starts = before < pauses
    return options[chosen, np.arange(states)], chosen.astype(np.int8), np.where(starts, before, pauses), starts


def _traced(
    layers: Array,
    pauses: Array,
    gates: NDArray[np.int64],
    held: NDArray[np.int8],
    steps: NDArray[np.int8],
    begun: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], float]:
    """Trace the path back from the end of both."""
    frames, states = held.shape
    last_cost = float(layers[:, -1].min())
    is_pause = bool(len(gates)) and gates[-1] == states and pauses[-1] < last_cost
    total = float(pauses[-1]) if is_pause else last_cost
    if not np.isfinite(total):
        raise ValueError(
            f"{frames} spoken frames cannot be laid over {states} reference frames; one is over three times longer."
        )
    gate_of = {int(place): number for number, place in enumerate(gates)}
    path = np.full(frames, PAUSE, dtype=np.int64)
    gate, place, t = len(gates) - 1, states - 1, frames - 1
    while t >= 0:
        if is_pause:
            if begun[t, gate]:
                is_pause, place = False, int(gates[gate]) - 1
            t -= 1
            continue
        holds = int(held[t, place])
        path[t - holds : t + 1] = place
        t -= holds
        step = int(steps[t, place])
        if step == 0 and t > 0:
            is_pause, gate = True, gate_of[place]
        place -= step
        t -= 1
    return path, total / frames


def row_distances(spoken: Array, reference: Array) -> Array:
    """Return Euclidean distances [t, S]."""
    squares = (spoken**2).sum(axis=1)[:, None] + (reference**2).sum(axis=1)[None] - 2.0 * spoken @ reference.T
    return np.sqrt(np.maximum(squares, 0.0))


def typical_distance(spoken: Array, reference: Array) -> float:
    """Return the distance of a fair match: the median, over spoken frames, of the fifth percentile of their distances."""
    some = spoken[:: max(1, len(spoken) // 200)]
    return float(np.median(np.percentile(row_distances(some, reference), 5, axis=1))) + 1e-9
