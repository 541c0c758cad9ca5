"""Compare the GPT-SoVITS networks with numbers of the official ones:  python benchmarks/parity.py [DIR]

DIR (default: shared/parity beside the checkout) holds official weight files and, for each, an `.npz` with inputs and expected outputs; also the
sampling, spectrogram and text-splitting files. Kinds and pairs follow from the contents of files; names are free. One line
per array; exit status 1 if anything differs: tokens and text at all, other numbers by more than 1e-4, or by more than 1e-5 of the largest
expected value where values are large (a float32 of 1000 has steps of 6e-5); the speaker vector by more than 1e-4 of its largest value.

A network gets its input of the chain. The posterior encoder and the speaker network get the *expected* output of the stage
before: with random weights they enlarge rounding errors (the former has exponents of 7; float32 and float64 disagree by 13 % in the latter).
For the same reason the speaker network is tried with different numbers of threads, which only change the order of sums; the best one counts.
Processors sum in different orders too. If no order meets the numbers, the vector as a whole must lie nearer to the expected one than
float32 lies to float64 on this machine: the line says so.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import VoiceError
from engine.voices.gpt_sovits.networks import audio, sentences
from engine.voices.gpt_sovits.networks.config import GptConfig, SovitsConfig, SpeakerConfig
from engine.voices.gpt_sovits.networks.generate import (
    Generated,
    Sampling,
    generate,
    generate_batch,
    probabilities,
    stream_codes,
)
from engine.voices.gpt_sovits.networks.gpt import Text2Semantic, training_logits
from engine.voices.gpt_sovits.networks.official import OfficialFile, read_official
from engine.voices.gpt_sovits.networks.prior import ones_mask
from engine.voices.gpt_sovits.networks.sovits import Sovits, SovitsStream
from engine.voices.gpt_sovits.networks.weights import build_gpt, build_sovits, build_speaker

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "parity"
TOLERANCE = 1e-4
RELATIVE_TOLERANCE = 1e-5  # of the largest expected value
EMBEDDING_TOLERANCE = 1e-4  # likewise, for the speaker vector
THREADS = (2, 1, 3)  # the numbers at hand were made with two

Arrays = Mapping[str, NDArray]
Results = Iterator[tuple[str, object]]


@dataclass(frozen=True)
class Line:
    """One compared array: `error` is the maximal absolute difference, None if nothing can be subtracted."""

    name: str
    error: float | None
    ok: bool
    note: str = ""

    def __str__(self) -> str:
        error = "      -  " if self.error is None else f"{self.error:9.2e}"
        return f"{self.name:<60} {error}  {'ok' if self.ok else 'FAIL'}{'  ' + self.note if self.note else ''}"


@dataclass(frozen=True)
class Unsteady:
    """A result that enlarges rounding errors: in float32, summed in several orders, and in float64."""

    tries: Sequence[Tensor]
    exact: Tensor


def compare(name: str, ours: object, expected: NDArray) -> Line:
    """Compare arrays: integers must be equal, floats may differ by the tolerance."""
    if isinstance(ours, Unsteady):
        return _compare_unsteady(name, ours, expected)
    got = np.asarray(ours.detach().cpu().numpy() if isinstance(ours, Tensor) else ours)
    if got.shape != expected.shape:
        return Line(name, None, False, f"shape {got.shape}, expected {expected.shape}")
    if got.size == 0:
        return Line(name, 0.0, True)
    error = float(np.abs(got.astype(np.float64) - expected.astype(np.float64)).max())
    if np.issubdtype(expected.dtype, np.integer):
        return Line(name, error, error == 0.0, "exact")
    if error <= TOLERANCE:
        return Line(name, error, True)
    relative = error / float(np.abs(expected).max())
    allowed = EMBEDDING_TOLERANCE if name.endswith(" embedding") else RELATIVE_TOLERANCE
    return Line(name, error, relative <= allowed, f"relative {relative:.1e}")


def _compare_unsteady(name: str, ours: Unsteady, expected: NDArray) -> Line:
    """Compare the nearest try; if it fails, the distance of float32 to float64 is the tolerance of the whole."""
    lines = [compare(name, made, expected) for made in ours.tries]
    best = next((line for line in lines if line.ok), min(lines, key=lambda line: np.inf if line.error is None else line.error))
    if best.ok or best.error is None:
        return best
    wanted = torch.from_numpy(expected).double()
    apart = min(float((made.double() - wanted).norm() / wanted.norm()) for made in ours.tries)
    unsteady = min(float((made.double() - ours.exact).norm() / wanted.norm()) for made in ours.tries)
    return Line(name, best.error, apart <= unsteady, f"whole: {apart:.1e}, of float32 to float64 {unsteady:.1e}")


# ---------------------------------------------------------------------------------------------------------------------- s1


def gpt_results(file: OfficialFile, given: Arrays) -> Results:
    """Yield every result that the README of the numbers lists for s1."""
    model = build_gpt(file.weights, GptConfig.from_official(file.config, file.weights))
    phones, bert, prompt = (torch.from_numpy(given[name]) for name in ("phones", "bert", "prompt"))
    prompt_length = prompt.shape[1]
    text, codes = model.embed_text(phones, bert), model.embed_codes(prompt)
    yield "text_stream", text
    yield "audio_stream", codes
    cache = model.new_cache(1, phones.shape[1] + prompt_length)
    hidden = model.prefill(text, codes, cache)
    yield "prefill_hidden", hidden
    yield "prefill_k_layer0", _unsplit(cache.keys[0], hidden.shape[1])
    yield "prefill_v_lastlayer", _unsplit(cache.values[-1], hidden.shape[1])

    with_end = _only(given, r"eos_rp[\d.]+_tokens").removesuffix("_tokens")
    greedy = Sampling(top_k=1, repetition_penalty=float(with_end.removeprefix("eos_rp")))
    run = replace(greedy, early_stop=int(given[f"{with_end}_early_stop_num"]))
    yield from _run_results(with_end, generate(model, phones, bert, prompt, run), prompt)
    first = f"{with_end}_logits_first20"
    steps = list(stream_codes(model, phones, bert, prompt, run))
    yield first, torch.stack([step.logits for step in steps[: len(given[first])]])

    unpenalised = replace(greedy, repetition_penalty=1.0, early_stop=int(given["norp_early_stop_num"]))
    yield from _run_results("norp", generate(model, phones, bert, prompt, unpenalised), prompt)
    for name in given:
        if match := re.fullmatch(r"(t([\d.]+)_p([\d.]+))_tokens", name):
            run = replace(unpenalised, repetition_penalty=greedy.repetition_penalty)
            run = replace(run, temperature=float(match[2]), top_p=float(match[3]))
            yield from _run_results(match[1], generate(model, phones, bert, prompt, run), prompt)

    early = int(given["noprompt_early_stop_num"])
    nothing = prompt[:, :0]
    free = generate(model, phones, bert, nothing, replace(greedy, early_stop=early))
    yield from _run_results("noprompt", free, nothing)
    yield "noprompt_logits_first", next(stream_codes(model, phones, bert, nothing, greedy)).logits[None]

    cuts = (slice(None), slice(None, -4), slice(3, None))
    run = replace(greedy, early_stop=int(given["batch_early_stop_num"]))
    rows = generate_batch(model, [phones[0, cut] for cut in cuts], [bert[0, :, cut] for cut in cuts], prompt[0], run)
    for i, row in enumerate(rows):
        yield f"batch_tokens_{i}", torch.cat([prompt[0], row.codes])
    yield "batch_idx", np.array([row.last_step for row in rows])
    yield from _training_results(model, given)


def _run_results(name: str, run: Generated, prompt: Tensor) -> Results:
    """Return tokens and count; the official count is 0 without a prompt."""
    yield f"{name}_tokens", torch.cat([prompt[0], run.codes])[None]
    yield f"{name}_idx", run.last_step if prompt.shape[1] else 0


def _only(given: Arrays, pattern: str) -> str:
    """Return the name that fits the pattern."""
    for name in given:
        if re.fullmatch(pattern, name):
            return name
    raise KeyError(f"no array '{pattern}'")


def _training_results(model: Text2Semantic, given: Arrays) -> Results:
    lengths = torch.stack([torch.from_numpy(given["train_phones_len"]), torch.from_numpy(given["train_semantic_len"])], dim=1)
    phones, bert, codes = (torch.from_numpy(given[f"train_{name}"]) for name in ("phones", "bert", "semantic"))
    with torch.inference_mode():
        logits, targets = training_logits(model, phones, bert, codes, lengths)
    yield "train_logits", logits
    yield "train_loss_sum", nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    counted = targets != model.config.end
    hits = (logits.topk(3).indices == targets[..., None]).any(-1)
    yield "train_top3_acc", hits[counted].double().mean()


def _unsplit(heads: Tensor, length: int) -> Tensor:
    return heads[:, :, :length].transpose(1, 2).flatten(2)


def sampling_results(given: Arrays) -> Results:
    """Yield the distribution of sampling."""
    logits, previous = torch.from_numpy(given["logits"]), torch.from_numpy(given["previous_tokens"])
    for i, (top_k, top_p, temperature, penalty) in enumerate(given["settings_topk_topp_temp_rp"].tolist()):
        rule = Sampling(top_k=int(top_k), top_p=top_p, temperature=temperature, repetition_penalty=penalty)
        yield f"probs_{i}", probabilities(logits, previous, rule)


# ---------------------------------------------------------------------------------------------------------------------- s2


@torch.inference_mode()
def sovits_results(file: OfficialFile, given: Arrays) -> Results:
    """Yield every result that the README of the numbers lists for s2."""
    model = build_sovits(file.weights, SovitsConfig.from_official(file.config, file.weights))
    spectrogram = audio.spectrogram(torch.from_numpy(given["ref_wav_32k"])[None])
    yield "refer_spec", spectrogram
    yield "ssl_codes", model.quantizer.encode(torch.from_numpy(given["ssl"]))[None]

    seen: dict[str, Tensor] = {}
    watched = {"ref_enc_out": model.style, "enc_p_encoder_ssl_out": model.prior.semantic_encoder}
    watched |= {"enc_p_encoder_text_out": model.prior.text_encoder, "enc_p_mrte_out": model.prior.mrte}
    watched |= {"enc_p_encoder2_out": model.prior.joint_encoder}
    hooks = [module.register_forward_hook(_keeper(seen, name)) for name, module in watched.items()]
    codes, phones = torch.from_numpy(given["codes"])[0], torch.from_numpy(given["phones"])
    ge = model.voice(spectrogram, _speaker_vector(given, "sv_emb"))
    hidden = model.hidden(codes, phones, ge)
    for hook in hooks:
        hook.remove()
    yield from seen.items()
    yield "ge", ge
    if model.speaker is not None:
        yield "ge_to512", model.speaker.for_prior(ge)

    mask = ones_mask(1, hidden.shape[2], hidden)
    mean, log_deviation = model.prior.statistics(hidden, mask)
    yield "enc_p_m", mean
    yield "enc_p_logs", log_deviation
    latent = model.flow.inverse(mean, mask, ge)
    yield "flow_inverse_of_m", latent
    yield "flow_roundtrip_error", (model.flow(latent, mask, ge) - mean).abs().max()

    second = audio.spectrogram(torch.from_numpy(given["ref2_wav_32k"])[None])
    both = torch.cat([ge, model.voice(second, _speaker_vector(given, "sv_emb2"))]).mean(0, keepdim=True)
    yield "wav_noise0_two_refs", model.decode(codes, phones, both, noise_scale=0)[0]
    for name in given:
        if match := re.fullmatch(r"wav_noise0(?:_speed([\d.]+))?", name):
            yield name, model.decode(codes, phones, ge, noise_scale=0, speed=float(match[1] or 1))[0]
        elif match := re.fullmatch(r"wav_noise(0\.\d+)", name):
            noise = torch.from_numpy(given["noise"])
            yield name, model.decode(codes, phones, ge, noise_scale=float(match[1]), noise=noise)[0]
    yield from _stream_results(model, given, codes, phones, ge)
    if model.posterior is not None and "enc_q_frames" in given:
        frames = int(given["enc_q_frames"])
        mask = ones_mask(1, frames, hidden)
        ge, noise = torch.from_numpy(given["ge"]), torch.from_numpy(given["enc_q_noise"])
        with threads(THREADS[0]):
            z, mean, log_deviation = model.posterior(spectrogram[:, :, :frames], mask, ge, noise)
        yield "enc_q_z", z
        yield "enc_q_m", mean
        yield "enc_q_logs", log_deviation
        yield "flow_forward_of_enc_q_z", model.flow(torch.from_numpy(given["enc_q_z"]), mask, ge)


def _stream_results(model: Sovits, given: Arrays, codes: Tensor, phones: Tensor, ge: Tensor) -> Results:
    name = _only(given, r"stream_first\d+_wav").removesuffix("_wav")
    first = int(name.removeprefix("stream_first"))
    last = given["stream_rest_latent"].shape[2] // 2
    stream = SovitsStream(model, phones, ge)
    yield f"{name}_wav", stream.decode(codes[:, :first], first, noise_scale=0)[0]
    yield f"{name}_latent", stream.latent
    overlap = last - (codes.shape[1] - first)
    yield "stream_rest_wav", stream.decode(codes, last, overlap=overlap, noise_scale=0)[0]
    yield "stream_rest_latent", stream.latent


def _speaker_vector(given: Arrays, name: str) -> Tensor | None:
    return torch.from_numpy(given[name]).float() if name in given else None


def _keeper(seen: dict[str, Tensor], name: str) -> Callable[[nn.Module, object, Tensor], None]:
    def keep(module: nn.Module, arguments: object, output: Tensor) -> None:
        seen[name] = output

    return keep


# ------------------------------------------------------------------------------------------------------------------ others


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Set the number of torch threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def speaker_results(file: OfficialFile, given: Arrays) -> Results:
    """Yield filterbank and speaker vector."""
    model = build_speaker(file.weights, SpeakerConfig.from_official(file.weights))
    yield "fbank", audio.filterbank(torch.from_numpy(given["wav_16k"]))
    bank, tries = torch.from_numpy(given["fbank"])[None], []
    for number in THREADS:
        with threads(number):
            tries.append(model(bank))
    yield "embedding", Unsteady(tries, model.double()(bank.double()))


def audio_results(given: Arrays) -> Results:
    """Yield spectrograms; their names state rate in kHz, transform size and hop."""

    def magnitudes(kilohertz: str, n_fft: int, hop: int) -> Tensor:
        return audio.spectrogram(torch.from_numpy(given[f"wav_{kilohertz}k"])[None], n_fft, hop)

    for name in given:
        if match := re.fullmatch(r"spec_(\d+)k_(\d+)_(\d+)", name):
            yield name, magnitudes(match[1], int(match[2]), int(match[3]))
        elif match := re.fullmatch(r"mel(\d+)_train_(\d+)k", name):
            yield name, audio.log_mel(magnitudes(match[2], audio.N_FFT, audio.HOP), int(match[2]) * 1000, int(match[1]))
        elif match := re.fullmatch(r"mel(\d+)_\w+?_(\d+)k_(\d+)_(\d+)", name):
            linear = magnitudes(match[2], int(match[3]), int(match[4]))
            yield name, audio.log_mel(linear, int(match[2]) * 1000, int(match[1]))


def split_lines(entries: list[dict]) -> Iterator[Line]:
    """Yield a line for each method of text splitting: equal or not."""
    for number, entry in enumerate(entries):
        for method, expected in entry["methods"].items():
            raw = _text_or_error(lambda entry=entry, method=method: sentences.METHODS[method](entry["text"]))  # type: ignore[misc]
            cut = _text_or_error(
                lambda entry=entry, method=method: sentences.split_sentences(entry["text"], entry["lang"], method)  # type: ignore[misc]
            )
            for part, ours in (("raw", raw), ("segments", cut)):
                ok = ours == expected[part]
                yield Line(
                    f"text {number} {method} {part}", None, ok, "exact" if ok else f"{ours!r}, expected {expected[part]!r}"
                )


def _text_or_error(call: Callable[[], object]) -> object:
    try:
        return call()
    except Exception as error:  # the numbers name the exception that is expected
        return f"ERROR {type(error).__name__}"


# ------------------------------------------------------------------------------------------------------------------- files

# Not results: inputs, settings, and facts about the numbers.
_GIVEN = re.compile(
    r"phones|bert|prompt|n_prompt_phones|.*_early_stop_num|min_top1_margin|train_(phones|semantic|bert)(_len)?|logits|previous_tokens"
    r"|settings_.*|ref2?_wav_32k|ssl|ssl_codes_min_distance_margin|codes|sv_emb2?|noise|enc_q_frames|enc_q_noise|wav_\d+k"
)
_RUNS: dict[str, Callable[[OfficialFile, Arrays], Results]] = {
    "gpt": gpt_results,
    "sovits": sovits_results,
    "speaker": speaker_results,
}


def kind_of(names: Mapping[str, object]) -> str:
    """Return the kind of network that an `.npz` belongs to."""
    for mark, kind in (("prefill_hidden", "gpt"), ("enc_p_m", "sovits"), ("fbank", "speaker"), ("probs_0", "sampling")):
        if mark in names:
            return kind
    return "audio" if any(name.startswith("spec_") for name in names) else "unknown"


def compare_all(label: str, results: Results, given: Arrays) -> Iterator[Line]:
    """Yield a line per result, and one per expected array without a result."""
    done = set()
    try:
        for name, ours in results:
            done.add(name)
            if name in given:
                yield compare(f"{label} {name}", ours, given[name])
    except (RuntimeError, LookupError, ValueError, VoiceError) as error:  # sizes or inputs that do not belong together
        yield Line(label, None, False, f"{type(error).__name__}: {str(error).splitlines()[0]}")
    for name in given:
        if name not in done and not _GIVEN.fullmatch(name):
            yield Line(f"{label} {name}", None, False, "nothing to compare with")


def check_network(npz: Path, given: Arrays, files: Mapping[Path, OfficialFile]) -> list[Line]:
    """Compare with the weight file of the same kind that fits best; one of the same name is tried first."""
    kind = kind_of(given)
    same_kind = sorted((path for path, file in files.items() if file.kind == kind), key=lambda path: path.stem != npz.stem)
    best: list[Line] | None = None
    for path in same_kind:
        lines = list(compare_all(npz.stem, _RUNS[kind](files[path], given), given))
        if best is None or _goodness(lines) > _goodness(best):
            best = lines
        if all(line.ok for line in lines):
            break
    return best or [Line(npz.stem, None, False, f"no {kind} weight file belongs to it")]


def _goodness(lines: list[Line]) -> float:
    return sum(line.ok for line in lines) / len(lines)


@dataclass
class Contents:
    """Contents of a folder, by kind."""

    weights: dict[Path, OfficialFile] = field(default_factory=dict)
    arrays: dict[Path, Arrays] = field(default_factory=dict)
    splits: dict[Path, list[dict]] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)


def read_folder(folder: Path) -> Contents:
    """Read every file of `folder` by its kind; `refused` are unreadable weight files with the reason, `others` are of no known kind."""
    contents = Contents()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        if _is_npz(path):
            with np.load(path) as opened:
                contents.arrays[path] = dict(opened)
            continue
        splits = _text_splits(path)
        if splits is not None:
            contents.splits[path] = splits
            continue
        try:
            contents.weights[path] = read_official(path)
        except VoiceError as error:
            if _is_zip(path):
                contents.refused[path] = str(error)
            else:
                contents.others.append(path)
    return contents


def _is_zip(path: Path) -> bool:
    """Return True for a zip; official files may begin with two other bytes."""
    with path.open("rb") as stream:
        return stream.read(4)[2:] == b"\x03\x04"


def _is_npz(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(name.endswith(".npy") for name in archive.namelist())


def _text_splits(path: Path) -> list[dict] | None:
    """Return the entries of a text-splitting file; None for other files."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    is_ours = isinstance(entries, list) and all(isinstance(entry, dict) and "methods" in entry for entry in entries)
    return entries if is_ours else None


def check_folder(folder: Path) -> Iterator[Line]:
    """Yield lines for the contents of the folder."""
    contents = read_folder(folder)
    for path, reason in contents.refused.items():
        yield Line(path.name, None, False, reason)
    for path, given in contents.arrays.items():
        kind = kind_of(given)
        if kind == "sampling":
            yield from compare_all(path.stem, sampling_results(given), given)
        elif kind == "audio":
            yield from compare_all(path.stem, audio_results(given), given)
        elif kind == "unknown":
            yield Line(path.stem, None, False, "not known what it belongs to")
        else:
            yield from check_network(path, given, contents.weights)
    for path, entries in contents.splits.items():
        yield from (replace(line, name=f"{path.stem} {line.name}") for line in split_lines(entries))
    if contents.others:
        print(f"left out, neither weights nor numbers: {', '.join(path.name for path in contents.others)}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help=f"default: {DEFAULT_FOLDER}")
    folder = parser.parse_args(arguments).folder
    torch.set_num_threads(1)
    if folder is None and not DEFAULT_FOLDER.is_dir():
        print(f"skipped: there are no official numbers in {DEFAULT_FOLDER}; give their folder as DIR.")
        return 0
    folder = folder or DEFAULT_FOLDER
    if not folder.is_dir():
        print(f"{folder} is not a folder.", file=sys.stderr)
        return 2
    lines = []
    for line in check_folder(folder):
        print(line, flush=True)
        lines.append(line)
    failed = [line for line in lines if not line.ok]
    largest = max((line.error for line in lines if line.error is not None), default=0.0)
    print(f"{len(lines) - len(failed)} of {len(lines)} ok; largest absolute error {largest:.2e}")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
