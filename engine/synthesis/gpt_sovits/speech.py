"""Text to speech as the official program does it, with a guard on top: what went wrong is noticed, and only that is said again.

The first take of every piece is the official one: the same codes for the same choices, the same wave; but codes that will only be the material
of song may come from a smaller GPT (settings.py). A take is faulty if it does not end, is too short for its phonemes, goes round in a loop, or
if whoever listens to it (`judge`) misses words. Then the piece is drawn again with another seed, a few times, and the take with the fewest
faults is kept. With a pitch adapter, codes and wave follow a score instead (native.py).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import VoiceError
from engine.model.gpt_sovits import audio, hubert
from engine.model.gpt_sovits.bert import Bert
from engine.model.gpt_sovits.generate import MAX_STEPS, Sampling, generate
from engine.model.gpt_sovits.symbols import MARKS, lacking_languages, symbol_ids
from engine.voice.adapter_card import read_adapter_card
from engine.voice.card import VoiceCard, sha256_of
from engine.voice.gpt_sovits import SAMPLE_RATE, load_networks
from engine.voice.pitch_adapter import load_adapter

from .features import FeatureFolder
from .heard import Heard, HeardCache
from .native import ScorePlan
from .placed import Placed, device_for, placed
from .settings import ComputeDevice, ImportedSettings
from .text import ChineseRun, Reading, read_reference_text

CODES_PER_S = 25
_SLOWEST, _FASTEST = 3.0, 25.0  # phonemes per second: what the official training takes for speech
_SPARE_CODES = CODES_PER_S
_LONGEST_PIECE = 120  # phonemes, about ten seconds; longer text is cut at its marks
_TAKES = 3
_PROMPT_SILENCE_SAMPLES = 9600  # at 16 kHz, behind the reference clip
_LOOP_S, _LOOP_ROUNDS, _LOOP_SHARE = 1.2, 3, 0.9

Samples = NDArray[np.float32]
_T = TypeVar("_T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """Something amiss between two instants of the speech, in words that go on after the text: "lost 'water'"."""

    start_s: float
    end_s: float
    what: str


Judge = Callable[[Samples], Sequence[Fault]]


@dataclass(frozen=True, eq=False)
class Take:
    """One try at a piece: its codes `[T]` and what is wrong with them."""

    codes: Tensor
    faults: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Said:
    """One phrase as codes `[T]` (25 per second) and the phonemes `[N]` they speak, with the sound [1280 T] and what remained faulty."""

    codes: Tensor
    phones: Tensor
    samples: Samples
    faults: tuple[str, ...]
    retakes: int


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What a reference clip gives: the voice's embedding `[1, gin, 1]`, and its codes `[P]` and text, both empty where one is missing."""

    ge: Tensor
    prompt: Tensor
    reading: Reading
    notices: tuple[str, ...]


class Talker:
    """The networks of one imported voice, and what never changes between its phrases.

    `adapter` is the folder of its pitch adapter. `device`, as torch calls it, goes before the one that `settings` choose. What fails on another
    device than the CPU is done again there, and so is all that follows (`setback` says why).

    Raises VoiceError if a folder is unusable, SettingsError if there is no such device.
    """

    def __init__(
        self,
        folder: Path,
        features: FeatureFolder,
        *,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        adapter: Path | None = None,
        settings: ImportedSettings = ImportedSettings(device=ComputeDevice.CPU),  # noqa: B008 - frozen
        device: str | None = None,
    ) -> None:
        self._folder, self._features, self._sampling, self._settings = folder, features, sampling, settings
        self._device = device or device_for(settings)
        self._networks = load_networks(folder)
        self._table = str(self._networks.card.model.get("symbols"))
        self._check_languages()
        self._adapter = None if adapter is None else load_adapter(adapter, self.card)
        self._adapter_sha256 = "none" if adapter is None else read_adapter_card(adapter).sha256
        self.setback: str | None = None

    @property
    def card(self) -> VoiceCard:
        return self._networks.card

    @property
    def table(self) -> str:
        """Of its phonemes, "v1" or "v2"."""
        return self._table

    @property
    def has_adapter(self) -> bool:
        """Whether it can `sing`."""
        return self._adapter is not None

    @property
    def fingerprint(self) -> str:
        """Changes with all that makes the same seeds sound otherwise, but for the folders' own."""
        return f"{self._placed_safely.name}:{self._adapter_sha256[:12]}"

    @functools.cached_property
    def conditioning(self) -> Conditioning:
        """Heard once, on the CPU. Raises VoiceError if the voice has no usable reference."""
        clip, rate = self._read_clip()
        return self._conditioned(clip, rate)

    @functools.cached_property
    def _bert(self) -> Bert | None:
        return self._features.load_bert()

    def say(self, reading: Reading, *, seed: str, judge: Judge | None = None, is_raw: bool = False) -> Said:
        """Speaks a reading; `seed` (any text) and the reading decide everything. `judge` listens to whole takes.

        `is_raw`: the speech is only the material of song and need not be exactly the official one.
        """
        pieces = pieces_of(reading)
        best: dict[int, Take] = {}
        retakes = 0
        for number in range(_TAKES):
            todo = [i for i in range(len(pieces)) if i not in best or best[i].faults]
            if not todo:
                break
            tried = best | {i: self._take(pieces[i], f"{seed}:{i}:{number}", is_raw) for i in todo}
            if judge is not None and not any(take.faults for take in tried.values()):
                tried = self._judged(tried, reading, seed, judge)
            retakes += len(todo) if best else 0
            best = {i: min(best.get(i, take), take, key=lambda take: len(take.faults)) for i, take in sorted(tried.items())}
        codes = torch.cat([take.codes for take in best.values()])
        phones = self.phones_of(reading)
        faults = tuple(dict.fromkeys(fault for take in best.values() for fault in take.faults))
        return Said(codes, phones, self.decode(codes, phones, seed), faults, retakes)

    def codes_of(self, reading: Reading, generator: torch.Generator, *, is_raw: bool = False) -> tuple[Tensor, bool]:
        """New codes `[T]` of a text that follows the reference's, and whether they came to an end of their own."""
        heard = self.conditioning
        whole = [*heard.reading.symbols, *reading.symbols]
        phones = torch.tensor([symbol_ids(whole, self._table)])
        bert = torch.cat([self._bert_features(heard.reading), self._bert_features(reading)], dim=1)[None]
        most = most_codes(len(reading.symbols))

        def made(on: Placed) -> Tensor:
            return generate(
                on.gpt_for(is_raw=is_raw),
                on.put(phones),
                on.put(bert),
                on.put(heard.prompt[None]),
                self._sampling,
                generator=generator.clone_state(),
                max_steps=most,
                decoding=on.decoding(phones.shape[1] + len(heard.prompt) + most),
            ).codes

        codes = self._computed(made)
        return codes, len(codes) < most

    def phones_of(self, reading: Reading) -> Tensor:
        """The numbers `[N]` of a reading's phonemes."""
        return torch.tensor(symbol_ids(reading.symbols, self._table))

    def hidden(self, codes: Tensor, phones: Tensor) -> NDArray[np.float32]:
        """Frames [2 T, C] at 50 Hz, in which time can be bent."""
        ge = self.conditioning.ge

        def made(on: Placed) -> Tensor:
            return on.sovits.hidden(on.put(codes[None]), on.put(phones[None]), on.put(ge))[0].T

        return self._numbers(made)

    def sound_of(self, hidden: NDArray[np.floating], seed: str) -> Samples:
        """Frames [T, C] to samples [640 T]."""
        frames = torch.from_numpy(np.ascontiguousarray(hidden.T, dtype=np.float32))[None]
        ge = self.conditioning.ge

        def made(on: Placed) -> Tensor:
            return on.sovits.render(on.put(frames), on.put(ge), generator=_generator(f"{seed}:noise"))[0].flatten()

        return self._numbers(made)

    def decode(self, codes: Tensor, phones: Tensor, seed: str, *, speed: float = 1.0) -> Samples:
        """Codes to samples, as the official program decodes them; louder than full scale is brought down to it."""
        ge = self.conditioning.ge

        def made(on: Placed) -> Tensor:
            generator = _generator(f"{seed}:noise")
            given = on.put(codes[None]), on.put(phones[None]), on.put(ge)
            return on.sovits.decode(*given, speed=speed, generator=generator)[0].flatten()

        samples = self._numbers(made)
        return (samples / max(1.0, float(np.abs(samples).max(initial=0.0)))).astype(np.float32)

    def sing_codes(self, plan: ScorePlan, seed: str) -> Tensor:
        """Codes `[K]` of a phrase by the pitch adapter: exactly as many as the plan has, each told what it is for.

        There is no prompt, as in the adapter's training. Codes may come again without penalty: a held vowel is made of them, and the score says
        where in the words each one is, so nothing can go round in a loop.
        """
        rule = replace(self._sampling, repetition_penalty=1.0, early_stop=None)
        phones, prompt = plan.phones[None], torch.empty(1, 0, dtype=torch.long)
        bert = torch.zeros(1, self._networks.gpt.config.bert_width, phones.shape[1])

        def made(on: Placed) -> Tensor:
            assert on.adapter is not None
            return generate(
                on.gpt_for(is_raw=True),
                on.put(phones),
                on.put(bert),
                on.put(prompt),
                rule,
                generator=_generator(seed),
                max_steps=plan.codes,
                score=on.adapter.score(on.put_score(plan.score)),
                decoding=on.decoding(phones.shape[1] + plan.codes),
            ).codes

        return self._computed(made)

    def sing(self, plan: ScorePlan, codes: Tensor, seed: str) -> Samples:
        """Codes `[K]` to samples [1280 K] with the pitch of the plan, by the pitch adapter."""
        ge = self.conditioning.ge

        def made(on: Placed) -> Tensor:
            assert on.adapter is not None
            generator = _generator(f"{seed}:noise")
            told = on.adapter.pitched(plan.f0_hz.to(on.device), plan.voiced.to(on.device), generator)
            given = on.put(codes[None]), on.put(plan.phones[None]), on.put(ge)
            return on.sovits.decode(*given, generator=generator, pitched=told)[0].flatten()

        return self._numbers(made)

    def reads_chinese_blindly(self, reading: Reading) -> bool:
        """Whether there are Chinese characters and no BERT that could tell what they mean."""
        return bool(reading.chinese) and self._features.bert is None

    @functools.cached_property
    def _on_cpu(self) -> Placed:
        networks = self._networks
        return placed(networks.gpt, networks.sovits, self._adapter, "cpu", self._settings.precision)

    @functools.cached_property
    def _elsewhere(self) -> Placed:
        networks = self._networks
        return placed(networks.gpt, networks.sovits, self._adapter, self._device, self._settings.precision)

    @property
    def _placed_safely(self) -> Placed:
        """Where the networks are now, or on the CPU if the device will not have them."""
        if self._device != "cpu" and self.setback is None:
            try:
                return self._elsewhere
            except (RuntimeError, AssertionError) as error:  # a torch made without CUDA says so by the latter
                self._give_up_device(error)
        return self._on_cpu

    @torch.inference_mode()
    def _computed(self, work: Callable[[Placed], _T]) -> _T:
        """What `work` gives; done again on the CPU if the device runs out of memory, is lost or cannot do it."""
        on = self._placed_safely
        if on is self._on_cpu:
            return work(on)
        try:
            return work(on)
        except RuntimeError as error:
            self._give_up_device(error)
        return work(self._on_cpu)

    def _numbers(self, work: Callable[[Placed], Tensor]) -> NDArray[np.float32]:
        """The tensor that `work` makes, as an array."""

        def made(on: Placed) -> NDArray[np.float32]:
            values = work(on).float().cpu().numpy()
            if on.device.type != "cpu" and not np.isfinite(values).all():
                raise RuntimeError("it gave values that are no numbers")
            return values

        return self._computed(made)

    def _give_up_device(self, error: BaseException) -> None:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        self.setback = f"The device '{self._device}' failed ({reason}); '{self.card.name}' went on on the CPU."
        self.__dict__.pop("_elsewhere", None)
        log.debug("%s", self.setback, exc_info=error)

    def _take(self, piece: Reading, seed: str, is_raw: bool) -> Take:
        codes, is_ended = self.codes_of(piece, _generator(seed), is_raw=is_raw)
        return Take(codes, code_faults(codes.tolist(), len(piece.symbols), is_ended=is_ended))

    def _judged(self, takes: Mapping[int, Take], reading: Reading, seed: str, judge: Judge) -> dict[int, Take]:
        """The takes of all pieces with what is amiss where each of them sounds."""
        rows = [takes[i].codes for i in sorted(takes)]
        faults = judge(self.decode(torch.cat(rows), self.phones_of(reading), seed))
        borders_s = [length / CODES_PER_S for length in itertools.accumulate(map(len, rows), initial=0)]
        found = {}
        for i, (start_s, end_s) in enumerate(zip(borders_s[:-1], borders_s[1:], strict=True)):
            own = tuple(fault.what for fault in faults if fault.start_s < end_s and fault.end_s > start_s)
            found[i] = Take(rows[i], own)
        return found

    def _conditioned(self, clip: Samples, rate: int) -> Conditioning:
        model, card = self._networks.sovits, self._networks.card
        if model.speaker is not None and self._networks.speaker is None:
            raise VoiceError(
                f"'{card.name}' is a {card.model.get('version')} voice without its speaker network. "
                "Import it again with --speaker-encoder (vocalese voice fetch says where it comes from)."
            )
        reading, notices = self._read_reference()
        known = None if self._settings.heard is None else HeardCache(self._settings.heard)
        key = (card.sha256, repr(self._reference_table()), self._features.fingerprint)
        heard = known.load(key) if known is not None else None
        if heard is None:
            heard = Heard(self._style_of(clip, rate), self._codes_of_clip(clip, rate, reading))
            if known is not None:
                known.store(key, heard)
        return Conditioning(heard.ge, heard.prompt, reading, notices)

    @torch.inference_mode()
    def _style_of(self, clip: Samples, rate: int) -> Tensor:
        """The embedding of the clip."""
        model = self._networks.sovits
        clip_32k = _resampled(clip, rate, SAMPLE_RATE)
        peak = float(np.abs(clip_32k).max())
        wave = torch.from_numpy(clip_32k / np.float32(min(2.0, max(1.0, peak))))
        speaker = None
        if self._networks.speaker is not None:
            low = torch.from_numpy(_resampled(wave.numpy(), SAMPLE_RATE, audio.SPEAKER_RATE))
            speaker = self._networks.speaker(audio.filterbank(low)[None])
        return model.voice(audio.spectrogram(wave)[None], speaker)

    def _read_reference(self) -> tuple[Reading, tuple[str, ...]]:
        """How the clip's text is read; nothing, and why, if its codes cannot be had or do not say anything."""
        table, name = self._reference_table(), self._networks.card.name
        text = str(table.get("text", ""))
        if not text.strip():
            return Reading(()), (
                f"'{name}' has no text of its reference clip: only its sound is used, not its way of speaking.",
            )
        if self._features.hubert is None:
            return Reading(()), (
                f"HuBERT is not there, so only the sound of the reference clip of '{name}' is used, not its way of speaking. "
                "See: vocalese voice fetch.",
            )
        reading = read_reference_text(text, str(table.get("language", "en")))
        return reading, reading.notices

    @torch.inference_mode()
    def _codes_of_clip(self, clip: Samples, rate: int, reading: Reading) -> Tensor:
        """The codes of the clip, none if what it says is not known."""
        network = self._features.load_hubert() if reading.symbols else None
        if network is None:
            return torch.empty(0, dtype=torch.long)
        low = _resampled(clip, rate, hubert.SAMPLE_RATE)
        features = network(torch.from_numpy(np.concatenate([low, np.zeros(_PROMPT_SILENCE_SAMPLES, dtype=np.float32)]))[None])
        if features.shape[1] != self._networks.sovits.config.semantic_width:
            raise VoiceError(
                f"The HuBERT in the features folder gives {features.shape[1]} values per frame, which '{self.card.name}' cannot use."
            )
        return self._networks.sovits.quantizer.encode(features)[0]

    def _bert_features(self, reading: Reading) -> Tensor:
        """`[1024, N]`: BERT's features of Chinese characters at each of their symbols, zero everywhere else."""
        features = torch.zeros(self._networks.gpt.config.bert_width, len(reading.symbols))
        for run in reading.chinese if self._bert is not None else ():
            rows = self._heard_by_bert(run)
            features[:, run.start : run.start + rows.shape[1]] = rows
        return features

    def _heard_by_bert(self, run: ChineseRun) -> Tensor:
        assert self._bert is not None
        if self._bert.width != self._networks.gpt.config.bert_width:
            raise VoiceError(
                f"The BERT in the features folder gives {self._bert.width} values per character, which this voice cannot use."
            )
        return self._bert(run.characters).repeat_interleave(torch.tensor(run.counts), dim=1)

    def _reference_table(self) -> dict[str, object]:
        table = self._networks.card.model.get("reference")
        if not isinstance(table, dict):
            raise VoiceError(
                f"'{self.card.name}' has no reference clip to sound like. Import it again with --reference CLIP.wav."
            )
        return table

    def _check_languages(self) -> None:
        """A language without phonemes would be read as one unknown sound."""
        asked = [*self.card.languages]
        reference = self.card.model.get("reference")
        if isinstance(reference, dict) and str(reference.get("text", "")).strip():
            asked.append(str(reference.get("language", "en")))
        if lacking := lacking_languages(asked, self._table):
            raise VoiceError(
                f"'{self.card.name}' has the phonemes of {self._table}, which lack {' and '.join(lacking)}. Take these languages out of the "
                "folder's card.toml; it then sings them with its English sounds."
            )

    def _read_clip(self) -> tuple[Samples, int]:
        table = self._reference_table()
        name = str(table.get("file"))
        path = self._folder / name
        if Path(name).name != name or not path.is_file() or sha256_of(path) != table.get("sha256"):
            raise VoiceError(f"The reference clip of '{self.card.name}' is missing or was changed. Import the voice again.")
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except (OSError, soundfile.SoundFileError) as error:
            raise VoiceError(f"The reference clip {path} cannot be read: {error}") from error
        return samples.mean(axis=1), rate


def pieces_of(reading: Reading) -> list[Reading]:
    """Cut at marks, so that pieces stay short where the marks allow it."""
    pieces: list[Reading] = []
    start = end = 0
    marks = {i + 1 for i, symbol in enumerate(reading.symbols) if symbol in MARKS}
    for border in sorted(marks | {len(reading.symbols)}):
        if border - start > _LONGEST_PIECE and end > start:
            pieces.append(_cut(reading, start, end))
            start = end
        end = border
    return [*pieces, _cut(reading, start, len(reading.symbols))]


def _cut(reading: Reading, start: int, end: int) -> Reading:
    """Symbols `start` to `end`, with the characters that lie wholly between them."""
    runs = []
    for run in reading.chinese:
        starts = list(itertools.accumulate(run.counts, initial=run.start))
        inside = [i for i, count in enumerate(run.counts) if starts[i] >= start and starts[i] + count <= end]
        if inside:
            characters = "".join(run.characters[i] for i in inside)
            runs.append(ChineseRun(characters, starts[inside[0]] - start, tuple(run.counts[i] for i in inside)))
    return Reading(reading.symbols[start:end], tuple(runs))


def most_codes(phonemes: int) -> int:
    """More codes than the slowest speech needs: by then, it does not end any more."""
    return min(MAX_STEPS, _SPARE_CODES + math.ceil(CODES_PER_S * phonemes / _SLOWEST))


def code_faults(codes: Sequence[int], phonemes: int, *, is_ended: bool) -> tuple[str, ...]:
    """What can be told without listening."""
    faults = [] if is_ended else ["did not come to an end"]
    if len(codes) < CODES_PER_S * phonemes / _FASTEST:
        faults.append("was too short for its words")
    if is_looping(codes):
        faults.append("went round in a loop")
    return tuple(faults)


def is_looping(codes: Sequence[int]) -> bool:
    """Whether more than a second of the codes is one pattern over and over (a held vowel or a long pause is a pattern of one)."""
    row = np.asarray(codes)
    shortest = round(_LOOP_S * CODES_PER_S)
    for period in range(1, max(1, len(row) // _LOOP_ROUNDS) + 1):
        same = (row[period:] == row[:-period]).astype(float)
        length = max(shortest, (_LOOP_ROUNDS - 1) * period)
        if len(same) >= length and np.convolve(same, np.ones(length), mode="valid").max() >= _LOOP_SHARE * length:
            return True
    return False


def _resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    return samples if rate == wanted else np.asarray(soxr.resample(samples, rate, wanted, quality="VHQ"), dtype=np.float32)


def _generator(seed: str) -> torch.Generator:
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little") >> 1)
