"""Cost of the starter voice's decoder in NumPy, torch and ONNX Runtime.

    python benchmarks/runtimes.py [--voice NAME|FOLDER] [--json]

    start_s     from the start of a fresh process until the decoder has given its first frame, wall clock
    frame_ms    one frame of 10 ms: median and 99 % of 1000 calls. NumPy is the real stream, with held state; the others get only the
                four frames of the widest kernel and hold no state, so their figures are lower bounds
    phrase_ms   300 frames (3 s) at once, median of 20
    memory_mb   the largest memory of that process

Each runtime has a separate process and one thread. ONNX Runtime is measured if it is installed (it is no dependency of Vocalese).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

RUNTIMES = ("numpy", "torch", "onnx")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_FRAMES, _PHRASE, _AT_LEAST = 1000, 300, 4

Call = Callable[[int], Any]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    if options.measure:
        print(json.dumps(_measured(options.measure, options.voice, options.model, options.started)))
        return 0
    rows: dict[str, dict[str, float] | str] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "decoder.onnx")
        reason = _write_onnx(options.voice, model)
        for runtime in RUNTIMES:
            rows[runtime] = reason if runtime == "onnx" and reason else _in_a_process(runtime, options.voice, model)
            print(f"{runtime:<7} {rows[runtime]}", flush=True)
    if options.json:
        print(json.dumps(rows))
    return 0


def _in_a_process(runtime: str, voice: str, model: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--voice", voice, "--measure", runtime, "--model", str(model)]
    command += ["--started", str(time.time())]
    printed = subprocess.run(command, env={**os.environ, **_ONE_THREAD}, check=True, capture_output=True, text=True).stdout
    return json.loads(printed.splitlines()[-1])


def _measured(runtime: str, voice: str, model: Path, started: float) -> dict[str, float]:
    call = {"numpy": _numpy_call, "torch": _torch_call, "onnx": _onnx_call}[runtime](voice, model)
    frames = 1 if runtime == "numpy" else _AT_LEAST
    call(frames)
    start_s = time.time() - started
    costs_ms = sorted(_cost_ms(call, frames) for _ in range(_FRAMES))
    phrase_ms = sorted(_cost_ms(call, _PHRASE) for _ in range(20))
    return {
        "start_s": round(start_s, 2),
        "frame_ms": round(costs_ms[_FRAMES // 2], 2),
        "frame_ms_p99": round(costs_ms[_FRAMES * 99 // 100], 2),
        "phrase_ms": round(phrase_ms[10], 1),
        "memory_mb": _peak_mb(),
    }


def _cost_ms(call: Call, frames: int) -> float:
    started = time.perf_counter()
    call(frames)
    return 1000.0 * (time.perf_counter() - started)


def _peak_mb() -> int:
    """Return this process' peak memory. On Linux `ru_maxrss` includes the parent's peak, so /proc is read."""
    status = Path("/proc/self/status")
    if status.exists():
        return round(int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1]) / 1e3)  # type: ignore[index]
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))


def _numpy_call(voice: str, model: Path) -> Call:
    import numpy as np

    from engine.voices.card import read_card
    from engine.voices.catalogue import find_voice
    from engine.voices.starter.voice import Articulation, read_networks

    folder = find_voice(voice)
    decoder = read_networks(folder, read_card(folder), Articulation.TOKENS).decoder
    state, mix = decoder.start(), np.eye(decoder.config.speakers, dtype=np.float32)[:1]
    width = decoder.config.features + decoder.config.code_channels

    def call(frames: int) -> Any:
        ahead = np.zeros((frames + decoder.config.look_ahead, width), np.float32)
        flat = np.zeros(frames, np.float32)
        return decoder.envelope(state, ahead, flat, flat, np.repeat(mix, frames, axis=0))

    return call


def _torch_decoder(voice: str) -> tuple[Any, int]:
    import torch
    from safetensors.torch import load_file

    from engine.voices.card import read_card, weights_path
    from engine.voices.catalogue import find_voice
    from engine.voices.starter.config import DecoderConfig
    from engine.voices.starter.decoder import Decoder

    torch.set_num_threads(1)
    folder = find_voice(voice)
    card = read_card(folder)
    config = DecoderConfig.from_dict(dict(card.model["decoder"]))  # type: ignore[call-overload]
    decoder = Decoder(config)
    weights = load_file(weights_path(folder, card))
    own = {name.removeprefix("decoder."): value.float() for name, value in weights.items() if name.startswith("decoder.")}
    decoder.load_state_dict(own)

    class Envelopes(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.decoder = decoder

        def forward(self, features: Any, voiced: Any, effort: Any, speaker: Any) -> Any:
            found = self.decoder.envelope(features, voiced, effort, speaker)
            return found.log_amplitude, found.aperiodicity

    return Envelopes().eval(), decoder.entry.in_channels


def _torch_call(voice: str, model: Path) -> Call:
    import torch

    envelopes, width = _torch_decoder(voice)

    @torch.inference_mode()
    def call(frames: int) -> Any:
        return envelopes(*_torch_inputs(width, frames))

    return call


def _torch_inputs(width: int, frames: int) -> tuple[Any, ...]:
    import torch

    return torch.zeros(1, width, frames), torch.zeros(1, frames), torch.zeros(1, frames), torch.zeros(1, 16)


def _write_onnx(voice: str, path: Path) -> str:
    """Write the network as ONNX; return the reason if that is impossible, else ""."""
    try:
        import onnxruntime  # noqa: F401
        import torch
    except ImportError as error:
        return f"not measured: {error}"
    envelopes, width = _torch_decoder(voice)
    names = ["features", "voiced", "effort", "speaker"]
    moving = {"features": {2: "frames"}, "voiced": {1: "frames"}, "effort": {1: "frames"}}
    try:
        torch.onnx.export(envelopes, _torch_inputs(width, 8), str(path), input_names=names, dynamic_axes=moving, dynamo=False)
    except (RuntimeError, ImportError, ModuleNotFoundError) as error:
        return f"not measured: {error}"
    return ""


def _onnx_call(voice: str, model: Path) -> Call:
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    width = session.get_inputs()[0].shape[1]

    def call(frames: int) -> Any:
        flat = np.zeros((1, frames), np.float32)
        features = np.zeros((1, width, frames), np.float32)
        given = {"features": features, "voiced": flat, "effort": flat, "speaker": np.zeros((1, 16), np.float32)}
        return session.run(None, given)

    return call


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The decoder's cost in NumPy, torch and ONNX Runtime.")
    parser.add_argument("--voice", default="kathleen", metavar="NAME|FOLDER")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--measure", choices=RUNTIMES, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, default=Path("decoder.onnx"), help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, default=0.0, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
