"""The talk of imported voices is the official program's, and what it gets wrong is noticed and said again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.voices.gpt_sovits.conditioning import Conditioning
from engine.voices.gpt_sovits.encoders import FeatureFolder
from engine.voices.gpt_sovits.importer import Reference, import_voice
from engine.voices.gpt_sovits.networks.generate import Sampling
from engine.voices.gpt_sovits.networks.symbols import symbol_table
from engine.voices.gpt_sovits.speech import TextToSpeech
from engine.voices.gpt_sovits.takes import SpeechDefect, Take, code_defects, is_looping, most_codes, pieces_of
from engine.voices.gpt_sovits.text import ChineseRun, Reading

SPOKEN = Reading(tuple("HH AH0 L OW1 , DH EH1 R .".split()))


def reading_of(numbers: np.ndarray, characters: str) -> Reading:
    """Phonemes by number, each with a character of its own."""
    names = list(symbol_table("v2"))
    return Reading(tuple(names[i] for i in numbers), (ChineseRun(characters * len(numbers), 0, (1,) * len(numbers)),))


# --- as the official program --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parity(shared_data) -> Path:
    folder = shared_data.parent / "parity"
    if not (folder / "s1_v2_tiny.ckpt").is_file():
        pytest.skip(f"no official numbers in {folder}")
    return folder


@pytest.fixture(scope="module")
def official(parity, tmp_path_factory):
    """A voice made of the official random checkpoints, conditioned with the official inputs, and the expected numbers."""
    folder = import_voice(
        parity / "s1_v2_tiny.ckpt", parity / "s2_v2_tiny.pth", tmp_path_factory.mktemp("voices") / "tiny", name="tiny"
    )
    with np.load(parity / "s1_v2_tiny.npz") as s1, np.load(parity / "s2_v2_tiny.npz") as s2:
        gpt, sovits = dict(s1), dict(s2)
    split = int(gpt["n_prompt_phones"])
    features = {"p": torch.from_numpy(gpt["bert"][0, :, :split]), "t": torch.from_numpy(gpt["bert"][0, :, split:])}

    class GivenBert:
        """Features as the official run was given them."""

        width = 1024

        def __call__(self, characters: str):
            return features[characters[0]]

    talker = TextToSpeech(folder, FeatureFolder(), sampling=Sampling(top_k=1))
    prompt = reading_of(gpt["phones"][0, :split], "p")
    talker.__dict__["_bert"] = GivenBert()
    ge = torch.from_numpy(sovits["ge"])
    talker.__dict__["conditioning"] = Conditioning(ge, torch.from_numpy(gpt["prompt"][0]), prompt, ())
    return talker, reading_of(gpt["phones"][0, split:], "t"), gpt, sovits


@pytest.mark.shared_data
def test_the_codes_are_the_official_ones(official) -> None:
    talker, text, gpt, _ = official
    codes, is_ended = talker.codes_of(text, torch.Generator().manual_seed(1))
    assert codes.tolist() == gpt["eos_rp1.35_tokens"][0, gpt["prompt"].shape[1] :].tolist()
    assert is_ended
    assert torch.equal(talker.say(text, seed="x").codes, codes), "the guard keeps a take without defects as it is"


@pytest.mark.shared_data
def test_the_wave_is_the_official_one(official) -> None:
    talker, _, _, sovits = official
    codes, phones = torch.from_numpy(sovits["codes"][0, 0]), torch.from_numpy(sovits["phones"][0])
    hidden = talker.hidden(codes, phones)
    assert np.abs(hidden.T - sovits["enc_p_encoder2_out"][0]).max() < 1e-4
    generator_noise = talker.decode(codes, phones, "a seed")
    assert len(generator_noise) == len(sovits["wav_noise0.5"])
    assert np.array_equal(generator_noise, talker.decode(codes, phones, "a seed"))
    assert np.array_equal(generator_noise, talker.sound_of(hidden, "a seed")), "frames that are not bent sound as they were"
    network = talker._networks.sovits
    noise = torch.from_numpy(sovits["noise"])
    wave = network.render(torch.from_numpy(hidden.T)[None], talker.conditioning.ge, noise=noise)[0].flatten().detach().numpy()
    assert np.abs(wave - sovits["wav_noise0.5"]).max() < 1e-4


@pytest.mark.shared_data
def test_reference_conditioning_equals_the_official_one(parity, official, tmp_path) -> None:
    _, _, _, sovits = official
    wave = np.tile(sovits["ref_wav_32k"], 4)
    soundfile.write(tmp_path / "clip.wav", wave, 32_000, subtype="FLOAT")
    folder = import_voice(
        parity / "s1_v2_tiny.ckpt", parity / "s2_v2_tiny.pth", tmp_path / "voice", name="tiny",
        reference=Reference(path=tmp_path / "clip.wav"),
    )  # fmt: skip
    talker = TextToSpeech(folder, FeatureFolder())
    spectrogram_of = torch.stft(
        torch.nn.functional.pad(torch.from_numpy(wave)[None], (704, 704), mode="reflect")[0],
        2048, 640, 2048, torch.hann_window(2048), center=False, return_complex=True,
    ).abs()  # fmt: skip
    expected = talker._networks.sovits.voice(spectrogram_of[None])
    assert torch.allclose(talker.conditioning.ge, expected, atol=1e-3)
    assert len(talker.conditioning.prompt) == 0 and "no text" in talker.conditioning.notices[0]


# --- the guard ----------------------------------------------------------------------------------------------------------------


class Scripted(TextToSpeech):
    """Takes from a list instead of a network: what the guard does with them."""

    def __init__(self, takes: dict[str, list[Take]]) -> None:
        self.takes, self.drawn = takes, []

    def _take(self, piece, seed, is_raw):
        self.drawn.append((piece.symbols[0], seed))
        return self.takes[piece.symbols[0]].pop(0)

    def phones_of(self, reading):
        return torch.zeros(len(reading.symbols), dtype=torch.long)

    def decode(self, codes, phones, seed, *, speed=1.0):
        return np.repeat(codes.numpy().astype(np.float32), 1280)


def take(code: int, *defects: str) -> Take:
    return Take(torch.full((50,), code), defects)


def long_reading(*first: str) -> Reading:
    return Reading(tuple(s for name in first for s in (name, *["AA1"] * 70, ",")))


def test_only_defective_pieces_are_repeated() -> None:
    talker = Scripted({"B": [take(1)], "D": [take(2, "did not come to an end"), take(3)]})
    said = talker.say(long_reading("B", "D"), seed="s")
    assert said.codes.unique_consecutive().tolist() == [1, 3]
    assert [name for name, _ in talker.drawn] == ["B", "D", "D"]
    assert len({seed for _, seed in talker.drawn}) == 3
    assert said.defects == () and said.retakes == 1


def test_the_take_with_fewest_defects_is_kept() -> None:
    talker = Scripted({"B": [take(1, "x", "y"), take(2, "x"), take(3, "x", "z")]})
    said = talker.say(long_reading("B"), seed="s")
    assert (said.codes[0].item(), said.defects, said.retakes) == (2, ("x",), 2)


def test_detector_defects_select_pieces_by_time() -> None:
    heard = []

    def detector(samples):
        heard.append(len(samples))
        return [SpeechDefect(2.5, 2.9, "lost 'water'")] if samples[90_000] == 2 else []

    talker = Scripted({"B": [take(1)], "D": [take(2), take(3)]})
    said = talker.say(long_reading("B", "D"), seed="s", detector=detector)
    assert said.codes.unique_consecutive().tolist() == [1, 3] and said.defects == ()
    assert heard == [128_000, 128_000]


def test_defects_in_semantic_tokens() -> None:
    rng = np.random.default_rng(3)
    good = rng.integers(0, 1024, 100).tolist()
    assert code_defects(good, 30, is_ended=True) == ()
    assert code_defects(good, 30, is_ended=False) == ("did not come to an end",)
    assert code_defects(good[:12], 30, is_ended=True) == ("was too short for its words",)
    assert code_defects(good + [7] * 40, 30, is_ended=True) == ("went round in a loop",)
    assert is_looping(good[:12] * 4) and not is_looping(good[:40] * 2)
    assert not is_looping([]) and not is_looping([5] * 20)
    assert most_codes(6) == 75 and most_codes(10_000) == 1500


def test_long_text_is_cut_at_its_marks() -> None:
    assert pieces_of(SPOKEN) == [SPOKEN]
    reading = long_reading("B", "D", "F")
    pieces = pieces_of(reading)
    assert sum((piece.symbols for piece in pieces), ()) == reading.symbols
    assert [piece.symbols[0] for piece in pieces] == ["B", "D", "F"]
    endless = Reading(("AA1",) * 500)
    assert pieces_of(endless) == [endless]
    assert pieces_of(Reading((*endless.symbols, ".")))[0].symbols[-1] == "."


def test_characters_go_with_their_pieces() -> None:
    symbols = ("n", "i2") * 60 + (",",) + ("h", "ao3") * 40 + (".",)
    run = ChineseRun("你" * 60 + "," + "好" * 40 + ".", 0, (2,) * 60 + (1,) + (2,) * 40 + (1,))
    first, second = pieces_of(Reading(symbols, (run,)))
    assert (first.chinese[0].characters[-1], second.chinese[0].characters) == (",", "好" * 40 + ".")
    assert second.chinese[0].start == 0 and sum(second.chinese[0].counts) == len(second.symbols)
