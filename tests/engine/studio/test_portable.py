"""The start of a training is the same to the bit on every processor, as far as one machine can pretend to be several."""

import hashlib
import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from engine import TrainingError
from engine.studio.training.portable import portable_process
from engine.studio.training.rows import kept_rows

_ONE_STEP = """
import sys
from {module} import learnt
if __name__ == "__main__":
    from engine.studio.training.portable import portable_process
    with portable_process() as portably:
        print(portably(learnt))
"""


def learnt():
    """Fingerprint of a small network after a few steps through everything that networks here are made of."""
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv1d(24, 48, 5, padding=2), nn.GELU(), nn.Conv1d(48, 24, 3, padding=1), nn.Tanh())
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(3):
        heard = network(torch.randn(4, 24, 160))
        attention = nn.functional.scaled_dot_product_attention(heard, heard, heard)
        spectrum = torch.fft.rfft(attention, dim=-1).abs().log1p()
        optimiser.zero_grad()
        (spectrum.mean() + (heard.transpose(1, 2) @ heard).softmax(-1).std()).backward()
        optimiser.step()
    return hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in network.parameters())).hexdigest()


def told_environment():
    return {name: os.environ.get(name) for name in ("MKL_CBWR", "ATEN_CPU_CAPABILITY")}, torch.backends.mkldnn.enabled


def fail():
    raise TrainingError("as asked")


def leave():
    os._exit(3)


@pytest.mark.skipif(sys.platform != "linux", reason="processors are told to hide what they can by Linux' C library and MKL")
def test_other_vector_units_make_no_difference(tmp_path):
    (tmp_path / "main.py").write_text(_ONE_STEP.format(module=__name__.rpartition(".")[2]), encoding="utf-8")
    here = os.path.dirname(__file__)
    hidden = {
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512CD,-AVX512DQ",
        "OPENBLAS_CORETYPE": "Haswell",
    }
    answers = []
    for extra in ({}, hidden):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, *sys.path]), **extra}
        ended = subprocess.run(
            [sys.executable, str(tmp_path / "main.py")], env=environment, capture_output=True, text=True, timeout=120
        )
        assert ended.returncode == 0, ended.stderr
        answers.append(ended.stdout.strip())
    assert len(answers[0]) == 64 and answers[0] == answers[1]


def test_the_process_has_its_own_environment_and_answers_with_errors_too():
    before = dict(os.environ)
    with portable_process() as portably:
        variables, uses_onednn = portably(told_environment)
        assert variables == {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"} and not uses_onednn
        with pytest.raises(TrainingError, match="as asked"):
            portably(fail)
        with pytest.raises(TrainingError, match="Run the same command again"):
            portably(leave)
    assert dict(os.environ) == before and torch.backends.mkldnn.enabled


def test_rows_are_made_once_and_belong_to_what_they_were_made_from(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"long": [torch.arange(n).numpy() for n in (3, 0, 5)], "none": []}

    path = tmp_path / "rows.npz"
    first, again = kept_rows(path, "this", make), kept_rows(path, "this", make)
    assert len(made) == 1 and again["none"] == [] and [list(row) for row in again["long"]] == [list(r) for r in first["long"]]
    with pytest.raises(TrainingError, match="rows.npz"):
        kept_rows(path, "that", make)
