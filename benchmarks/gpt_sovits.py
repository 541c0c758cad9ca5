"""Speed of GPT-SoVITS voices of real size:  python benchmarks/gpt_sovits.py [--layout KEYS.json] [--device cpu|cuda] [--json]

Weights are random, in the shapes of the official files (KEYS.json: names and shapes per network, by default beside the checkout);
speed does not depend on their values. Every figure is the median of several runs; CPU time stands beside wall time, because the machine
may be busy, and the load average is printed. One thread on a CPU.

    codes per second   semantic tokens ("codes") of the GPT alone, one text, from first to last; a second of sound has 25
    same code          share of fp32's tokens that int8 finds most likely too, after the same tokens. Random weights distinguish tokens
                       weakly, so trained ones agree more
    RTF                seconds of computing per second of sound
    first sound        from phones to the first samples: prompt and phones read, some tokens written and decoded, with the voice loaded
    chain              a batch of texts: read, written and decoded

With --json the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from engine.voices.gpt_sovits.networks.config import GptConfig, SovitsConfig
from engine.voices.gpt_sovits.networks.decoding import Decoding
from engine.voices.gpt_sovits.networks.generate import Sampling, generate, generate_batch
from engine.voices.gpt_sovits.networks.gpt import Text2Semantic
from engine.voices.gpt_sovits.networks.int8 import to_int8
from engine.voices.gpt_sovits.networks.sovits import Sovits, SovitsStream
from engine.voices.gpt_sovits.networks.weights import build_gpt, build_sovits

LAYOUT = Path(__file__).resolve().parents[2] / "shared" / "reference" / "gpt-sovits-keys.json"
CODES_PER_S = 25
PHONES, PROMPT_CODES = 80, 125  # of prompt and text together; a prompt of 5 s
FIRST_CODES = 12  # decoded at once for the first sound: 0.48 s
SAMPLING = Sampling()
BATCH = {"cpu": 4, "cuda": 32}
BATCH_CODES = {"cpu": 25, "cuda": 500}


@dataclass(frozen=True)
class Timed:
    """Medians of several runs."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Row:
    """One printed line: subject, precision, and figures by name."""

    part: str
    precision: str
    figures: dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layout", type=Path, default=LAYOUT, metavar="KEYS.json")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where there is one")
    parser.add_argument("--versions", nargs="+", default=["v2", "v2ProPlus"], choices=("v1", "v2", "v2Pro", "v2ProPlus"))
    parser.add_argument("--codes", type=int, default=60, help="codes made in a run (default: 60)")
    parser.add_argument("--runs", type=int, default=5, help="runs per figure (default: 5)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.layout.is_file():
        print(f"The names and shapes of the official weights are not at {options.layout}. Give --layout.", file=sys.stderr)
        return 2
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        print("There is no CUDA device that this torch can use.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    layout = json.loads(options.layout.read_text(encoding="utf-8"))
    rows = measure(layout, device, options.versions, options.codes, options.runs)
    load = os.getloadavg()
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU, one thread"
    print(f"{name}; load average {load[0]:.1f} {load[1]:.1f} {load[2]:.1f}; torch {torch.__version__}")
    if options.json:
        print(json.dumps({"device": name, "load_average": load, "rows": [asdict(row) for row in rows]}))
    return 0


@torch.inference_mode()
def measure(layout: Mapping, device: str, versions: list[str], codes: int, runs: int) -> list[Row]:
    """Measure and print all figures."""
    rows: list[Row] = []

    def note(part: str, precision: str, **figures: float) -> None:
        rows.append(Row(part, precision, figures))
        shown = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in figures.items())
        print(f"{part:<22} {precision:<5} {shown}", flush=True)

    gpts = gpts_of(layout["s1_v2"], device)
    given = inputs(device)
    tries: dict[str, Callable[[], object]] = {}
    for precision, gpt in gpts.items():
        decoding = Decoding(gpt, 1, PHONES + PROMPT_CODES + 1500)
        told = torch.zeros(1, codes, gpt.config.width, device=device, dtype=decoding.cache.memory.dtype)
        make = partial(generate, gpt, *given, SAMPLING, decoding=decoding)
        tries[precision] = lambda make=make, told=told: make(score=told, generator=seeded(device))  # type: ignore[misc]
        tries[f"{precision} read"] = lambda make=make: make(max_steps=1, generator=seeded(device))  # type: ignore[misc]
    medians = timed_in_turn(tries, device, runs)
    for precision in gpts:
        prefill = medians[f"{precision} read"]
        note("GPT", precision, **rates(medians[precision], prefill, codes - 1), prefill_s=prefill.wall_s)
    if "int8" in gpts:
        note("GPT int8 against fp32", "int8", **compared(rows), **agreement(gpts["fp32"], gpts["int8"], codes))
    for version in versions:
        for precision in ("fp32", "fp16") if device == "cuda" else ("fp32",):
            sovits = sovits_of(layout[f"s2_{version}"], version, device, precision)
            decoded = timed(lambda s=sovits: speak(s, 3 * CODES_PER_S), device, runs)  # type: ignore[misc]
            note(f"SoVITS {version}", precision, RTF=decoded.wall_s / 3, RTF_cpu_time=decoded.cpu_s / 3, of_s=3.0)
    fast = {"cpu": "int8", "cuda": "fp16"}[device]
    gpt = gpts[fast]
    sovits = sovits_of(layout[f"s2_{versions[0]}"], versions[0], device, "fp16" if device == "cuda" else "fp32")
    decoding = Decoding(gpt, 1, PHONES + PROMPT_CODES + 1500)
    first = timed(lambda: first_sound(gpt, sovits, given, decoding), device, runs)
    note(f"first sound {versions[0]}", fast, wall_s=first.wall_s, cpu_s=first.cpu_s, of_codes=FIRST_CODES)
    batch = Decoding(gpt, BATCH[device], PHONES + PROMPT_CODES + BATCH_CODES[device])
    made: list[int] = []
    chained = timed(lambda: made.append(chain(gpt, sovits, given, batch, device)), device, runs)
    spoken_s = statistics.median(made) / CODES_PER_S
    note(
        f"chain {versions[0]}",
        fast,
        RTF=chained.wall_s / spoken_s,
        RTF_cpu_time=chained.cpu_s / spoken_s,
        texts=BATCH[device],
        sound_s=spoken_s,
    )
    note("memory", fast, peak_resident_MB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, **gpu_memory(device))
    return rows


def gpts_of(layout: Mapping, device: str) -> dict[str, Text2Semantic]:
    """Return the GPT by precision."""
    weights = random_weights(layout["keys"])
    gpt = build_gpt(weights, GptConfig.from_official({"model": layout["model_config"]}, weights))
    if device == "cpu":
        return {"fp32": gpt, "int8": to_int8(copy.deepcopy(gpt))}
    return {name: copy.deepcopy(gpt).to(device, dtype) for name, dtype in (("fp32", torch.float32), ("fp16", torch.float16))}


def sovits_of(layout: Mapping, version: str, device: str, precision: str) -> Sovits:
    """Return the SoVITS generator of a version, without the posterior encoder."""
    weights = random_weights([(name, shape) for name, shape in layout["keys"] if not name.startswith("enc_q.")])
    config = {"model": {**layout["model_config"], "version": version}, "version": version}
    sovits = build_sovits(weights, SovitsConfig.from_official(config, weights))
    return sovits.to(device, torch.float16 if precision == "fp16" else torch.float32)


def random_weights(keys: list) -> dict[str, Tensor]:
    """Return small random values under official names; scales are 1, so that signals keep their size through the layers.

    The residual branches are small against their input: else all tokens would be alike, and agreement would mean nothing.
    """
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in keys:
        scales = name.endswith(("gamma", "alpha", "weight_g")) or (".norm" in name and name.endswith("weight"))
        embeds = name.endswith(("embeddings.weight", "embedding.weight", "embed"))
        spread = 1.0 if embeds else 0.02 if len(shape) < 2 else torch.Size(shape[1:]).numel() ** -0.5
        spread *= 0.3 if name.endswith(("linear2.weight", "out_proj.weight")) else 1.0
        weights[name] = torch.ones(shape) if scales else torch.randn(shape, generator=generator) * spread
    return weights


def inputs(device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return phones, BERT features and prompt tokens."""
    generator = torch.Generator().manual_seed(1)
    phones = torch.randint(0, 700, (1, PHONES), generator=generator)
    prompt = torch.randint(0, 1024, (1, PROMPT_CODES), generator=generator)
    return phones.to(device), torch.zeros(1, 1024, PHONES, device=device), prompt.to(device)


def seeded(device: str) -> torch.Generator:
    return torch.Generator(device).manual_seed(2)


def embedding_of(sovits: Sovits) -> Tensor:
    weight = sovits.decoder.last.weight
    return torch.randn(1, sovits.config.embedding, 1, device=weight.device, dtype=weight.dtype) * 0.1


def speak(sovits: Sovits, codes: int) -> Tensor:
    """Decode `codes` tokens with about 20 phones per second."""
    device = sovits.decoder.last.weight.device
    return sovits.decode(
        torch.arange(codes, device=device)[None], torch.arange(codes // 2, device=device)[None], embedding_of(sovits)
    )


def first_sound(gpt: Text2Semantic, sovits: Sovits, given: tuple[Tensor, Tensor, Tensor], decoding: Decoding) -> Tensor:
    device = given[0].device
    told = torch.zeros(1, FIRST_CODES, gpt.config.width, device=device, dtype=decoding.cache.memory.dtype)
    made = generate(gpt, *given, SAMPLING, score=told, decoding=decoding, generator=seeded(device.type))
    stream = SovitsStream(sovits, given[0], embedding_of(sovits))
    return stream.decode(made.codes.to(device)[None], FIRST_CODES)


def chain(gpt: Text2Semantic, sovits: Sovits, given: tuple[Tensor, Tensor, Tensor], decoding: Decoding, device: str) -> int:
    """Read, write and decode a batch; return the number of tokens."""
    phones, bert, prompt = given
    texts, longest = decoding.batch or BATCH[device], BATCH_CODES[device]
    if not decoding.is_recorded:  # finished texts leave it, so it serves once
        decoding = Decoding(gpt, BATCH[device], PHONES + PROMPT_CODES + longest)
    made = generate_batch(
        gpt, [phones[0]] * texts, [bert[0]] * texts, prompt[0], SAMPLING, max_steps=longest, decoding=decoding,
        generator=seeded(device),
    )  # fmt: skip
    for row in made:
        sovits.decode(row.codes[None], phones, embedding_of(sovits))
    return sum(len(row.codes) for row in made)


def timed(run: Callable[[], object], device: str, runs: int) -> Timed:
    """Return medians over `runs` runs, after an uncounted one."""
    return timed_in_turn({"": run}, device, runs)[""]


def timed_in_turn(tries: Mapping[str, Callable[[], object]], device: str, runs: int) -> dict[str, Timed]:
    """Return medians for several functions that run in turn, so that load of the machine affects all alike."""
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in tries}
    for _ in range(runs + 1):
        for name, run in tries.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            if device == "cuda":
                torch.cuda.synchronize()
            measured[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    medians = {}
    for name, times in measured.items():
        walls, cpus = zip(*times[1:], strict=True)
        medians[name] = Timed(statistics.median(walls), statistics.median(cpus))
    return medians


def rates(whole: Timed, prefill: Timed, codes: int) -> dict[str, float]:
    """Return tokens per second after the prompt, and the resulting real-time factor."""
    wall, cpu = whole.wall_s - prefill.wall_s, whole.cpu_s - prefill.cpu_s
    return {"codes_per_s": codes / wall, "codes_per_s_cpu_time": codes / cpu, "RTF": wall / codes * CODES_PER_S}


def compared(rows: list[Row]) -> dict[str, float]:
    """Return figures of int8 in multiples of fp32."""
    fp32, int8 = (next(row.figures for row in rows if row.precision == precision) for precision in ("fp32", "int8"))
    return {
        "times_as_fast": int8["codes_per_s"] / fp32["codes_per_s"],
        "times_as_fast_cpu_time": int8["codes_per_s_cpu_time"] / fp32["codes_per_s_cpu_time"],
    }


def agreement(fp32: Text2Semantic, int8: Text2Semantic, codes: int) -> dict[str, float]:
    """Return the share of fp32's tokens for which both find the same token most likely, and the number of tokens."""
    phones, bert, prompt = inputs("cpu")
    pair = [Decoding(model, 1, PHONES + PROMPT_CODES + codes) for model in (fp32, int8)]
    logits = [d.begin(d.model.embed_text(phones, bert), d.model.embed_codes(prompt)) for d in pair]
    likeliest, generator = [], seeded("cpu")
    for _ in range(codes - 1):
        likeliest.append((int(logits[0].argmax()), int(logits[1].argmax())))
        drawn = torch.multinomial(logits[0].softmax(-1), 1, generator=generator)[0]
        logits = [decoding.advance(drawn) for decoding in pair]
    same = sum(a == b for a, b in likeliest) / len(likeliest)
    return {"same_code": same, "different_codes": len({a for a, _ in likeliest}), "of_codes": len(likeliest)}


def gpu_memory(device: str) -> dict[str, float]:
    return {"peak_on_GPU_MB": torch.cuda.max_memory_allocated() / 2**20} if device == "cuda" else {}


if __name__ == "__main__":
    sys.exit(main())
