"""Text to speech as in the official program, with a check for defects: only defective pieces are synthesised again.

The first take of every piece is the official one: the same tokens for the same random choices, the same wave; but tokens that are only
material for singing may come from a smaller GPT (settings.py). A take is defective if it does not end, is too short for its phonemes,
repeats itself, or if `detector` misses words. Then the piece is sampled again with another seed, a few times, and the take with the
fewest defects is kept. With a pitch adapter, tokens and wave follow a score instead (score_plan.py).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import VoiceError
from engine.voices.card import VoiceCard

from .adapter_card import read_adapter_card
from .adapter_files import load_adapter
from .conditioning import Conditioning, reference_conditioning
from .device import NetworksOnDevice, device_for, put_on_device
from .encoders import FeatureFolder
from .importer import load_networks
from .networks.bert import Bert
from .networks.generate import NoNumbersError, Sampling, generate
from .networks.symbols import lacking_languages, symbol_ids
from .reading import ChineseRun, Reading
from .score_plan import ScorePlan
from .settings import ComputeDevice, ImportedSettings, Precision
from .takes import CODES_PER_S, DefectDetector, Samples, Take, code_defects, most_codes, pieces_of

_TAKES = 3

_T = TypeVar("_T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SpeechResult:
    """One phrase as semantic tokens `[T]` (25 per second) and phonemes `[N]`, with the sound [1280 T] and the remaining defects."""

    codes: Tensor
    phones: Tensor
    samples: Samples
    defects: tuple[str, ...]
    retakes: int


class TextToSpeech:
    """The networks of one imported voice and everything that stays the same between its phrases.

    `adapter` is the folder of its pitch adapter. `device`, by torch's name, overrides the one of `settings`. Work that fails on another
    device than the CPU is repeated there, and so is all later work; work that fails with eight-bit weights is repeated in 32 bit
    (`fallback_reason` says why).

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
        self.fallback_reason: str | None = None
        self._is_exact = settings.precision is Precision.FP32

    @property
    def card(self) -> VoiceCard:
        return self._networks.card

    @property
    def table(self) -> str:
        """The name of its phoneme table, "v1" or "v2"."""
        return self._table

    @property
    def has_adapter(self) -> bool:
        """True if `sing` is available."""
        return self._adapter is not None

    @property
    def fingerprint(self) -> str:
        """A text that differs if equal seeds sound different, apart from the contents of the folders."""
        return f"{self._working_networks.name}:{self._adapter_sha256[:12]}"

    @functools.cached_property
    def conditioning(self) -> Conditioning:
        """Conditioning by the reference clip, computed once, on the CPU. Raises VoiceError if the voice has no usable reference."""
        return reference_conditioning(self._folder, self._networks, self._features, self._settings.heard)

    @functools.cached_property
    def _bert(self) -> Bert | None:
        return self._features.load_bert()

    def say(self, reading: Reading, *, seed: str, detector: DefectDetector | None = None, is_raw: bool = False) -> SpeechResult:
        """Speak a reading; `seed` (any text) and the reading decide everything. `detector` finds defects in whole takes.

        `is_raw`: the speech is only material for singing and need not be exactly the official one.
        """
        pieces = pieces_of(reading)
        best: dict[int, Take] = {}
        retakes = 0
        for number in range(_TAKES):
            retried = [i for i in range(len(pieces)) if i not in best or best[i].defects]
            if not retried:
                break
            tried = best | {i: self._take(pieces[i], f"{seed}:{i}:{number}", is_raw) for i in retried}
            if detector is not None and not any(take.defects for take in tried.values()):
                tried = self._with_defects(tried, reading, seed, detector)
            retakes += len(retried) if best else 0
            best = {i: min(best.get(i, take), take, key=lambda take: len(take.defects)) for i, take in sorted(tried.items())}
        codes = torch.cat([take.codes for take in best.values()])
        phones = self.phones_of(reading)
        defects = tuple(dict.fromkeys(defect for take in best.values() for defect in take.defects))
        return SpeechResult(codes, phones, self.decode(codes, phones, seed), defects, retakes)

    def codes_of(self, reading: Reading, generator: torch.Generator, *, is_raw: bool = False) -> tuple[Tensor, bool]:
        """Return new semantic tokens `[T]` of a text that follows the reference's, and True if they end with the end mark."""
        heard = self.conditioning
        whole = [*heard.reading.symbols, *reading.symbols]
        phones = torch.tensor([symbol_ids(whole, self._table)])
        bert = torch.cat([self._bert_features(heard.reading), self._bert_features(reading)], dim=1)[None]
        most = most_codes(len(reading.symbols))

        def made(on: NetworksOnDevice) -> Tensor:
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
        """Return the numbers `[N]` of a reading's phonemes."""
        return torch.tensor(symbol_ids(reading.symbols, self._table))

    def hidden(self, codes: Tensor, phones: Tensor) -> NDArray[np.float32]:
        """Return frames [2 T, C] at 50 Hz, which can be stretched in time."""
        ge = self.conditioning.ge

        def made(on: NetworksOnDevice) -> Tensor:
            return on.sovits.hidden(on.put(codes[None]), on.put(phones[None]), on.put(ge))[0].T

        return self._numbers(made)

    def sound_of(self, hidden: NDArray[np.floating], seed: str) -> Samples:
        """Convert frames [T, C] to samples [640 T]."""
        frames = torch.from_numpy(np.ascontiguousarray(hidden.T, dtype=np.float32))[None]
        ge = self.conditioning.ge

        def made(on: NetworksOnDevice) -> Tensor:
            return on.sovits.render(on.put(frames), on.put(ge), generator=_generator(f"{seed}:noise"))[0].flatten()

        return self._numbers(made)

    def decode(self, codes: Tensor, phones: Tensor, seed: str, *, speed: float = 1.0) -> Samples:
        """Convert tokens to samples as in the official program; peaks above full scale are scaled down to it."""
        ge = self.conditioning.ge

        def made(on: NetworksOnDevice) -> Tensor:
            generator = _generator(f"{seed}:noise")
            given = on.put(codes[None]), on.put(phones[None]), on.put(ge)
            return on.sovits.decode(*given, speed=speed, generator=generator)[0].flatten()

        samples = self._numbers(made)
        return (samples / max(1.0, float(np.abs(samples).max(initial=0.0)))).astype(np.float32)

    def sing_codes(self, plan: ScorePlan, seed: str) -> Tensor:
        """Return the tokens `[K]` of a phrase by the pitch adapter, as many as the plan has, each conditioned on its target.

        There is no prompt, as in the adapter's training. Tokens may repeat without penalty: a held vowel consists of them, and the score
        gives the place of each token in the words, so loops cannot occur.
        """
        rule = replace(self._sampling, repetition_penalty=1.0, early_stop=None)
        phones, prompt = plan.phones[None], torch.empty(1, 0, dtype=torch.long)
        bert = torch.zeros(1, self._networks.gpt.config.bert_width, phones.shape[1])

        def made(on: NetworksOnDevice) -> Tensor:
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
        """Convert tokens `[K]` to samples [1280 K] with the pitch of the plan, by the pitch adapter."""
        ge = self.conditioning.ge

        def made(on: NetworksOnDevice) -> Tensor:
            assert on.adapter is not None
            generator = _generator(f"{seed}:noise")
            told = on.adapter.pitched(plan.f0_hz.to(on.device), plan.voiced.to(on.device), generator)
            given = on.put(codes[None]), on.put(plan.phones[None]), on.put(ge)
            return on.sovits.decode(*given, generator=generator, pitched=told)[0].flatten()

        return self._numbers(made)

    def reads_chinese_blindly(self, reading: Reading) -> bool:
        """Return True if there are Chinese characters and no BERT to read them."""
        return bool(reading.chinese) and self._features.bert is None

    @functools.cached_property
    def _on_cpu(self) -> NetworksOnDevice:
        networks = self._networks
        precision = Precision.FP32 if self._is_exact else self._settings.precision
        return put_on_device(networks.gpt, networks.sovits, self._adapter, "cpu", precision)

    @functools.cached_property
    def _elsewhere(self) -> NetworksOnDevice:
        networks = self._networks
        return put_on_device(networks.gpt, networks.sovits, self._adapter, self._device, self._settings.precision)

    @property
    def _working_networks(self) -> NetworksOnDevice:
        """The networks on the device, or on the CPU if the device fails."""
        if self._device != "cpu" and self.fallback_reason is None:
            try:
                return self._elsewhere
            except (RuntimeError, AssertionError) as error:  # a torch made without CUDA says so by the latter
                self._give_up_device(error)
        return self._on_cpu

    @torch.inference_mode()
    def _computed(self, work: Callable[[NetworksOnDevice], _T]) -> _T:
        """Return the result of `work`; repeat it on the CPU if the device runs out of memory, is lost or unable, there in 32 bit if
        necessary.

        Raises VoiceError if the values still are not finite.
        """
        on = self._working_networks
        if on.device.type != "cpu":
            try:
                return work(on)
            except RuntimeError as error:
                self._give_up_device(error)
        try:
            return work(self._on_cpu)
        except NoNumbersError as error:
            if self._is_exact:
                raise self._broken() from error
            self._give_up_eight_bits(error)
        try:
            return work(self._on_cpu)
        except NoNumbersError as error:
            raise self._broken() from error

    def _numbers(self, work: Callable[[NetworksOnDevice], Tensor]) -> NDArray[np.float32]:
        """Return the tensor that `work` makes as an array."""

        def made(on: NetworksOnDevice) -> NDArray[np.float32]:
            values = work(on).float().cpu().numpy()
            if not np.isfinite(values).all():
                raise NoNumbersError
            return values

        return self._computed(made)

    def _give_up_device(self, error: BaseException) -> None:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        self.fallback_reason = f"The device '{self._device}' failed ({reason}); '{self.card.name}' went on on the CPU."
        self.__dict__.pop("_elsewhere", None)
        log.debug("%s", self.fallback_reason, exc_info=error)

    def _give_up_eight_bits(self, error: BaseException) -> None:
        self.fallback_reason = (
            f"The eight-bit weights of '{self.card.name}' gave values that are no numbers; it went on with 32 bit."
        )
        self._is_exact = True
        self.__dict__.pop("_on_cpu", None)
        log.debug("%s", self.fallback_reason, exc_info=error)

    def _broken(self) -> VoiceError:
        return VoiceError(
            f"'{self.card.name}' gives values that are no numbers, even with 32 bit on the CPU: its training went wrong, or its files are "
            "damaged. Import an earlier state of it."
        )

    def _take(self, piece: Reading, seed: str, is_raw: bool) -> Take:
        codes, is_ended = self.codes_of(piece, _generator(seed), is_raw=is_raw)
        return Take(codes, code_defects(codes.tolist(), len(piece.symbols), is_ended=is_ended))

    def _with_defects(
        self, takes: Mapping[int, Take], reading: Reading, seed: str, detector: DefectDetector
    ) -> dict[int, Take]:
        """Return the takes of all pieces with the defects that lie in each of them."""
        rows = [takes[i].codes for i in sorted(takes)]
        defects = detector(self.decode(torch.cat(rows), self.phones_of(reading), seed))
        borders_s = [length / CODES_PER_S for length in itertools.accumulate(map(len, rows), initial=0)]
        found = {}
        for i, (start_s, end_s) in enumerate(itertools.pairwise(borders_s)):
            own = tuple(defect.what for defect in defects if defect.start_s < end_s and defect.end_s > start_s)
            found[i] = Take(rows[i], own)
        return found

    def _bert_features(self, reading: Reading) -> Tensor:
        """Return `[1024, N]`: BERT's features of Chinese characters at each of their symbols, zero elsewhere."""
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

    def _check_languages(self) -> None:
        """Raise VoiceError if a language has no phonemes: it would be read as one unknown sound."""
        asked = [*self.card.languages]
        reference = self.card.model.get("reference")
        if isinstance(reference, dict) and str(reference.get("text", "")).strip():
            asked.append(str(reference.get("language", "en")))
        if lacking := lacking_languages(asked, self._table):
            raise VoiceError(
                f"'{self.card.name}' has the phonemes of {self._table}, which lack {' and '.join(lacking)}. Take these languages out of the "
                "folder's card.toml; it then sings them with its English sounds."
            )


def _generator(seed: str) -> torch.Generator:
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little") >> 1)
