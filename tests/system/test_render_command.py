"""`vocalese render` as scripts rely on it: what is written, what is printed, which exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.commands.plan import lyrics_given
from bridge.stems.fx import preset_names
from bridge.stems.riff import read_stem_metadata
from engine.score import Score, TempoMap, write_score

SHORT = [(1, 1, 57, "stay"), (2, 2, 60, "home")]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_the_contract_of_json(rendered, melody):
    assert rendered.code == 0
    lines = rendered.out.splitlines()
    assert len(lines) == 1
    (stem,) = json.loads(lines[-1])["stems"]
    assert list(stem) == ["path", "score", "track", "seconds", "rtf", "warnings"]
    assert stem["score"] == str(melody) and stem["track"] == "lead" and stem["warnings"] == []
    assert stem["rtf"] > 0
    info = soundfile.info(stem["path"])
    assert info.frames == round(stem["seconds"] * 48_000) and info.samplerate == 48_000
    assert info.channels == 1 and info.subtype == "PCM_24"


def test_a_stem_says_what_it_is(rendered):
    (stem,) = rendered.stems
    metadata = read_stem_metadata(stem["path"]).metadata
    assert metadata.voice == "Kathleen" and metadata.seed == 0 and metadata.track == "lead"


def test_the_stem_is_audible_and_unclipped(rendered):
    samples, _ = soundfile.read(rendered.stems[0]["path"])
    assert 0.1 < np.abs(samples).max() < 0.999
    assert not samples[:48_000].any()  # the first note is at 2 s


def test_it_sings_what_is_written(vocalese, rendered, melody, tmp_path):
    """The project's own measure: in tune, in time, voiced, silent in rests."""
    answer = vocalese("check", rendered.stems[0]["path"], melody, "--picture", tmp_path / "follow.png", "--json")
    report = answer.last_line
    assert answer.code == 0 and report["notes"] == report["notes_measured"] == 11
    assert report["pitch_error_median_cents"] <= 5
    assert report["notes_within_50_cents_share"] >= 0.98
    assert report["voiced_share"] >= 0.95
    assert report["onsets_found"] >= 9 and abs(report["onset_median_ms"]) <= 15
    assert report["between_notes_dbfs"] < -90
    assert report["clipped_samples"] == 0
    assert (tmp_path / "follow.png").read_bytes().startswith(b"\x89PNG")


def test_one_seed_is_one_file_and_another_seed_another(vocalese, midi, tmp_path):
    path = midi("take", SHORT)
    takes = {}
    for name, seed, more in (("a", 4, ()), ("b", 4, ()), ("fresh", 4, ("--no-cache",)), ("c", 5, ())):
        answer = vocalese("render", path, "-o", tmp_path / name, "--seed", seed, "--json", *more)
        takes[name] = Path(answer.stems[0]["path"]).read_bytes()
    assert takes["a"] == takes["b"] == takes["fresh"]
    audio = {name: soundfile.read(tmp_path / name / files(tmp_path / name)[0])[0].tobytes() for name in ("a", "c")}
    assert audio["a"] != audio["c"]


def test_nothing_is_overwritten_unless_asked(vocalese, midi, tmp_path):
    path, out = midi("once", SHORT), tmp_path / "out"
    (stem,) = vocalese("render", path, "-o", out, "--json").stems
    Path(stem["path"]).write_bytes(b"mine")
    refused = vocalese("render", path, "-o", out, "--json")
    assert refused.code == 3 and refused.stems == [] and "--overwrite" in refused.err
    assert Path(stem["path"]).read_bytes() == b"mine" and len(files(out)) == 1
    assert vocalese("render", path, "-o", out, "--json", "--overwrite").code == 0
    assert Path(stem["path"]).read_bytes()[:4] == b"RIFF" and len(files(out)) == 1


@pytest.mark.parametrize("depth", ["16", "24", "32f"])
@pytest.mark.parametrize("rate", [44_100, 48_000, 88_200, 96_000])
def test_every_rate_and_depth(vocalese, midi, tmp_path, rate, depth):
    answer = vocalese("render", midi("s", SHORT), "-o", tmp_path / "o", "--rate", rate, "--depth", depth, "--json")
    (stem,) = answer.stems
    info = soundfile.info(stem["path"])
    assert (info.samplerate, info.subtype) == (rate, {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}[depth])
    assert info.frames == round(stem["seconds"] * rate)


def test_a_bad_file_in_a_batch_stops_nothing(vocalese, midi, tmp_path):
    good = [midi(name, SHORT) for name in ("one", "two")]
    bad = tmp_path / "bad.mid"
    bad.write_bytes(b"MThd nothing")
    absent = tmp_path / "absent.mid"
    answer = vocalese("render", good[0], bad, absent, good[1], "-o", tmp_path / "o", "--jobs", 2, "--json")
    assert answer.code == 3
    assert sorted(stem["score"] for stem in answer.stems) == sorted(map(str, good))
    assert all(Path(stem["path"]).is_file() for stem in answer.stems)
    assert "bad.mid" in answer.err and "absent.mid" in answer.err and "Traceback" not in answer.err
    assert len(files(tmp_path / "o")) == 2


def test_processes_do_not_change_the_result(vocalese, midi, tmp_path):
    paths = [midi(name, SHORT) for name in ("one", "two")]
    for jobs in (1, 2):
        assert vocalese("render", *paths, "-o", tmp_path / str(jobs), "--jobs", jobs, "--json", "--no-cache").code == 0
    one, two = ([(tmp_path / jobs / name).read_bytes() for name in files(tmp_path / jobs)] for jobs in "12")
    assert one == two and len(one) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["render"],
        ["render", "x.mid", "--rate", "22050"],
        ["render", "x.mid", "--depth", "8"],
        ["render", "x.mid", "--mode", "yodel"],
        ["render", "x.mid", "--jobs", "0"],
        ["render", "x.mid", "--seed", "pi"],
        ["fly"],
        ["voice"],
    ],
)
def test_wrong_usage_is_two(vocalese, arguments):
    answer = vocalese(*arguments)
    assert answer.code == 2 and "usage: vocalese" in answer.err and answer.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--voice", "nobody"], "No voice 'nobody'"),
        (["--vibrato", "900"], "vibrato_depth_cents"),
        (["--transpose", "99"], "0 to 127"),
        (["--track", "drums"], "no track named 'drums'"),
        (["--fx", "no-such-preset"], "no-such-preset"),
        (["--dictionary", "absent.txt"], "absent.txt"),
    ],
)
def test_failures_are_reported_and_leave_no_files(vocalese, midi, tmp_path, arguments, message):
    answer = vocalese("render", midi("s", SHORT), "-o", tmp_path / "o", "--json", *arguments)
    assert answer.code in (1, 3) and message in answer.err and "Traceback" not in answer.err
    assert files(tmp_path / "o") == []


def test_transposing_moves_the_pitch(vocalese, midi, tmp_path):
    path = midi("low", [(2, 4, 50, "ah"), (8, 4, 53, "ah")])
    (stem,) = vocalese("render", path, "-o", tmp_path / "o", "--transpose", 5, "--json").stems
    for transpose, error in ((5, 0), (0, 500)):
        arguments = ("check", stem["path"], path, "--transpose", transpose, "--picture", tmp_path / "p.png", "--json")
        assert vocalese(*arguments).last_line["pitch_error_median_cents"] == pytest.approx(error, abs=5)


def test_modes_differ_and_all_sound(vocalese, midi, tmp_path):
    path = midi("verse", [(2 + i / 2, 0.5, 48, w) for i, w in enumerate("one two three go".split())])
    sounds = set()
    for mode in ("sing", "rap", "talk"):
        (stem,) = vocalese("render", path, "-o", tmp_path / mode, "--mode", mode, "--json").stems
        samples, _ = soundfile.read(stem["path"])
        assert np.abs(samples).max() > 0.05
        sounds.add(samples.tobytes())
    assert len(sounds) == 3


def test_a_text_is_spoken(vocalese, tmp_path):
    path = tmp_path / "intro.txt"
    path.write_text("Good evening, everybody.\nAre you ready?", encoding="utf-8")
    (stem,) = vocalese("render", path, "-o", tmp_path / "o", "--mode", "talk", "--json").stems
    assert Path(stem["path"]).name.startswith("intro") and 2 < stem["seconds"] < 6


@pytest.mark.parametrize("suffix", [None, ".txt", ".lrc"])
def test_words_come_as_text_or_files(vocalese, midi, tmp_path, suffix):
    path = midi("tune", [(2, 1, 57, None), (3, 1, 59, None), (6, 1, 60, None)])
    if suffix is None:
        lyrics = "see my love"
    else:
        lyrics = tmp_path / f"words{suffix}"
        lyrics.write_text("[00:01.00] see my\n[00:03.00] love\n" if suffix == ".lrc" else "see my\nlove\n", encoding="utf-8")
    answer = vocalese("render", path, "--lyrics", lyrics, "-o", tmp_path / "o", "--labels", "--json")
    (stem,) = answer.stems
    label = Path(stem["path"]).with_suffix(".lab").read_text(encoding="utf-8")
    phones = [line.split()[2] for line in label.splitlines()]
    assert [p for p in phones if p not in ("pau", "br")] == "s iy m ay l ah v".split()
    vowels = [int(line.split()[0]) for line in label.splitlines() if line.split()[2] in ("iy", "ay", "ah")]
    assert vowels == [10_000_000, 15_000_000, 30_000_000]


@pytest.mark.parametrize(
    ("leftover", "sung"),
    [
        ("auto", "s iy m ay l ah v l aa"),
        ("hold", "s iy m ay l ah v l aa"),
        ("rest", "s iy m ay l ah v"),
        ("fill", "s iy m ay l aa l ah v l aa l aa"),
    ],
)
def test_lines_keep_their_phrases_and_leftover_notes_hold_or_rest(vocalese, midi, tmp_path, leftover, sung):
    path = midi(
        "tune", [(2, 1, 57, None), (3, 1, 59, None), (4, 1, 59, None), (6, 1, 60, None), (7, 1, 60, None), (10, 1, 60, None)]
    )
    words = ("--lyrics", "see my\nlove", "--leftover", leftover)
    (stem,) = vocalese("render", path, *words, "-o", tmp_path / "o", "--labels", "--json").stems
    label = Path(stem["path"]).with_suffix(".lab").read_text(encoding="utf-8")
    assert [phone for line in label.splitlines() if (phone := line.split()[2]) not in ("pau", "br")] == sung.split()


def test_stems_of_one_song_start_together_and_are_equally_long(vocalese, song, tmp_path):
    parts = [song(notes, name=name).tracks[0] for name, notes in (("high", SHORT), ("low", [(6, 1, 52, "go")]))]
    path = tmp_path / "duet.mid"
    write_score(Score("duet", 480, tuple(parts), TempoMap(480)), path)
    answer = vocalese("render", path, "-o", tmp_path / "o", "--json")
    assert [stem["track"] for stem in answer.stems] == ["high", "low"]
    assert len({soundfile.info(stem["path"]).frames for stem in answer.stems}) == 1
    only = vocalese("render", path, "-o", tmp_path / "p", "--track", "low", "--json")
    assert [stem["track"] for stem in only.stems] == ["low"]


def test_an_effect_changes_the_sound_but_not_the_length(vocalese, midi, tmp_path):
    path = midi("s", SHORT)
    (dry,) = vocalese("render", path, "-o", tmp_path / "dry", "--json").stems
    (wet,) = vocalese("render", path, "-o", tmp_path / "wet", "--fx", preset_names()[0], "--json").stems
    assert dry["seconds"] == wet["seconds"]
    assert Path(dry["path"]).read_bytes() != Path(wet["path"]).read_bytes()


def test_an_edit_changes_nothing_outside_its_phrase(vocalese, song, tmp_path):
    """Through the files that a producer gets."""
    notes = [(2, 2, 57, "stay"), (8, 2, 60, "home"), (14, 2, 62, "now")]
    stems = []
    for pitch in (60, 64):
        path = tmp_path / f"{pitch}" / "song.mid"
        path.parent.mkdir()
        write_score(song([notes[0], (8, 2, pitch, "home"), notes[2]]), path)
        (stem,) = vocalese("render", path, "-o", path.parent / "o", "--depth", "32f", "--json").stems
        stems.append(soundfile.read(stem["path"], dtype="float32")[0])
    before, after = stems
    phrase = slice(int(3.5 * 48_000), 6 * 48_000)
    assert (before[phrase] != after[phrase]).any()
    before[phrase] = after[phrase] = 0
    assert before.tobytes() == after.tobytes() and before.any()


def test_ctrl_c_in_the_middle_leaves_nothing_half_written(vocalese, midi, tmp_path, monkeypatch):
    from engine.voices.starter.voice import StarterVoice

    sung = []

    def stop_at_the_second(self, performance):
        sung.append(performance)
        if len(sung) == 2:
            raise KeyboardInterrupt
        return np.zeros(performance.frames * 320, dtype=np.float32)

    monkeypatch.setattr(StarterVoice, "synthesise", stop_at_the_second)
    path = midi("long", [(4 * i, 1, 60, "la") for i in range(5)])
    answer = vocalese("render", path, "-o", tmp_path / "o", "--no-cache")
    assert answer.code == 130 and "interrupted" in answer.err and len(sung) == 2
    assert files(tmp_path / "o") == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals to process groups are POSIX")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_from_the_terminal(midi, tmp_path, jobs):
    """The whole process group gets the signal, as from a terminal, once a stem has been started."""
    paths = [midi(f"long{i}", [(4 * i, 2, 60, "la") for i in range(400)]) for i in range(3)]
    out = tmp_path / "o"
    command = [
        sys.executable,
        "-m",
        "bridge.cli",
        "render",
        *map(str, paths),
        "-o",
        str(out),
        "--jobs",
        str(jobs),
        "--no-cache",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        waited_until = time.monotonic() + 120
        while not files(out) and process.poll() is None and time.monotonic() < waited_until:
            time.sleep(0.05)
        assert files(out) and process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 130 and "interrupted" in errors and "Traceback" not in errors
    assert files(out) == []


@pytest.mark.parametrize(
    "given",
    ["missing.txt", "missing.LRC", "verse one.txt", "./missing", "songs/verse", "/no/such folder/verse", "C:\\songs\\verse.md"],
)
def test_words_from_a_file_that_is_not_there_are_an_error(vocalese, midi, tmp_path, given):
    answer = vocalese("render", midi("words", SHORT), "--lyrics", given, "-o", tmp_path / "out", "--json")
    assert answer.code == 3 and f"{given} does not exist" in answer.err and files(tmp_path / "out") == []
    assert vocalese("inspect", midi("words", SHORT), "--lyrics", given).code == 1


def test_a_folder_is_no_file_with_words(vocalese, midi, tmp_path):
    answer = vocalese("render", midi("words", SHORT), "--lyrics", tmp_path, "-o", tmp_path / "out")
    assert answer.code == 3 and "is a folder" in answer.err


@pytest.mark.parametrize(
    "given", ["stay home", "either and/or both", "stay. home.", "10% / 20%", "line one\nline/two", "a / b"]
)
def test_plain_words_stay_plain_words(given):
    assert lyrics_given(given).lines


def test_words_come_from_a_file_that_is_there(tmp_path):
    (tmp_path / "verse.txt").write_text("stay home", encoding="utf-8")
    assert lyrics_given(str(tmp_path / "verse.txt")).lines == ("stay home",)


STARTER_WITHOUT_TORCH = """
import sys
from bridge.cli import main
code = main({arguments!r})
print("loaded:", sorted({{"torch", "librosa", "scipy", "matplotlib"}} & set(sys.modules)))
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments", [["render", "SCORE", "-o", "OUT", "--no-cache"], ["inspect", "SCORE"], ["play", "SCORE", "-o", "OUT.wav"]]
)
def test_the_starter_voice_sings_without_torch(midi, tmp_path, arguments):
    places = {"SCORE": str(midi("light", SHORT)), "OUT": str(tmp_path / "out"), "OUT.wav": str(tmp_path / "out.wav")}
    script = STARTER_WITHOUT_TORCH.format(arguments=[places.get(argument, argument) for argument in arguments])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_the_render_process_of_a_session_sings_the_starter_without_torch(midi):
    script = (
        "import sys\n"
        "from bridge.song.render_worker import PlanJob, RenderJob, RenderJobRunner, VoiceLibrary\n"
        "from bridge.song.timeline import Timeline, TrackSettings\n"
        "from engine import read_score\n"
        f"timeline = Timeline.of_score(read_score({str(midi('light', SHORT))!r}))\n"
        "singer = RenderJobRunner(VoiceLibrary())\n"
        "planned = singer.do(PlanJob(0, 0, timeline.score_of(0), TrackSettings()))\n"
        "rendered = singer.do(RenderJob(planned.phrases[0], TrackSettings().voice, 48_000))\n"
        "assert abs(rendered.samples).max() > 0.01\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["False"], done.stderr


def test_a_batch_ends_with_a_line_that_counts(vocalese, midi, tmp_path):
    good = [midi(name, SHORT) for name in ("one", "two")]
    answer = vocalese("render", *good, tmp_path / "absent.mid", "-o", tmp_path / "o")
    assert answer.code == 3 and answer.out.splitlines()[-1] == "2 done, 1 failed"
    assert vocalese("render", good[0], "-o", tmp_path / "single").out.count("\n") == 1
    assert "\r" not in answer.out + answer.err, "no bar off a terminal"


def test_json_lists_every_file_with_what_became_of_it(vocalese, midi, tmp_path):
    paths = [midi("one", SHORT), tmp_path / "absent.mid", midi("two", SHORT)]
    answer = vocalese("render", *paths, "-o", tmp_path / "o", "--json", "--jobs", 2)
    listed = answer.last_line["files"]
    assert [file["score"] for file in listed] == [str(path) for path in paths]
    assert [file["status"] for file in listed] == ["done", "failed", "done"]
    assert listed[0]["stems"] == [str(tmp_path / "o" / "one - lead.wav")] or len(listed[0]["stems"]) == 1
    assert "does not exist" in listed[1]["error"] and listed[0]["error"] is None and len(answer.out.splitlines()) == 1


def test_existing_stems_are_skipped_if_asked(vocalese, midi, tmp_path):
    paths, out = [midi("one", SHORT), midi("two", SHORT)], tmp_path / "o"
    (stem,) = vocalese("render", paths[0], "-o", out, "--json").stems
    Path(stem["path"]).write_bytes(b"mine")
    answer = vocalese("render", *paths, "-o", out, "--skip-existing", "--json")
    assert answer.code == 0 and [file["status"] for file in answer.last_line["files"]] == ["skipped", "done"]
    assert answer.last_line["files"][0]["skipped"] == [stem["path"]] and len(answer.stems) == 1
    assert Path(stem["path"]).read_bytes() == b"mine"
    again = vocalese("render", *paths, "-o", out, "--skip-existing")
    assert again.code == 0 and again.out.splitlines()[-1] == "0 done, 2 skipped"


def test_a_missing_stem_among_existing_ones_is_rendered(vocalese, song, tmp_path):
    parts = [song(notes, name=name).tracks[0] for name, notes in (("high", SHORT), ("low", [(6, 1, 52, "go")]))]
    path, out = tmp_path / "duet.mid", tmp_path / "o"
    write_score(Score("duet", 480, tuple(parts), TempoMap(480)), path)
    first, second = vocalese("render", path, "-o", out, "--json").stems
    before = Path(second["path"]).read_bytes()
    Path(second["path"]).unlink()
    (listed,) = vocalese("render", path, "-o", out, "--skip-existing", "--json").last_line["files"]
    assert listed["status"] == "done" and listed["skipped"] == [first["path"]] and listed["stems"] == [second["path"]]
    assert Path(second["path"]).read_bytes() == before


def test_wrong_options_are_reported_once(vocalese, midi, tmp_path):
    paths = [midi(name, SHORT) for name in ("one", "two", "three")]
    answer = vocalese("render", *paths, "-o", tmp_path / "o", "--vibrato", "900", "--json")
    assert answer.code == 3 and len(answer.err.splitlines()) == 1 and "vibrato_depth_cents" in answer.err
    assert [file["status"] for file in answer.last_line["files"]] == ["failed"] * 3


@pytest.mark.parametrize(
    "arguments", [["render"], ["render", "x.mid", "--rate", "1"], ["fly"], ["render", "x", "--overwrite", "--skip-existing"]]
)
def test_wrong_usage_is_one_line(vocalese, arguments):
    answer = vocalese(*arguments)
    assert answer.code == 2 and len(answer.err.splitlines()) == 1 and "--help" in answer.err


class Panic(BaseException):
    """As extensions in Rust raise it."""


@pytest.mark.parametrize(
    "raised",
    [Panic("index out of bounds"), ValueError("odd\nthing"), RecursionError(), SystemExit(1), KeyError("x"), MemoryError()],
)
def test_whatever_a_library_raises_is_one_line_for_its_file(vocalese, midi, tmp_path, monkeypatch, raised):
    """The reader is replaced by one that fails as a library may: no file is known that makes ours do it."""
    from bridge.commands import plan

    read = plan.read_score

    def failing(path, **more):
        if path.stem == "bad":
            raise raised
        return read(path, **more)

    monkeypatch.setattr(plan, "read_score", failing)
    paths = [midi("one", SHORT), midi("bad", SHORT), midi("two", SHORT)]
    answer = vocalese("render", *paths, "-o", tmp_path / "o", "--json")
    assert answer.code == 3 and [file["status"] for file in answer.last_line["files"]] == ["done", "failed", "done"]
    assert len(answer.err.splitlines()) == 1 and "bad.mid" in answer.err and type(raised).__name__ in answer.err


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_a_worker_that_dies_takes_only_its_file_along(vocalese, midi, tmp_path, monkeypatch):
    from bridge.commands import plan

    read = plan.read_score

    def dying(path, **more):
        if path.stem == "bad":
            os._exit(1)
        return read(path, **more)

    monkeypatch.setattr(plan, "read_score", dying)
    paths = [midi("one", SHORT), midi("bad", SHORT), midi("two", SHORT), midi("three", SHORT)]
    answer = vocalese("render", *paths, "-o", tmp_path / "o", "--json", "--jobs", 2)
    assert answer.code == 3
    assert [file["status"] for file in answer.last_line["files"]] == ["done", "failed", "done", "done"], answer.err
    assert len(answer.err.splitlines()) == 1 and "process died" in answer.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_sees_a_bar_with_the_stem_and_the_time_left(midi, tmp_path):
    import pty

    paths = [midi(name, [(4 * i, 2, 60, "la") for i in range(6)]) for name in ("one", "two")]
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bridge.cli", "render", *map(str, paths), "-o", str(tmp_path / "o"), "--no-cache"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # the terminal's other end is closed
        pass
    finally:
        os.close(ours)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and out.decode().splitlines()[-1] == "2 done"
    bars = shown.decode().split("\r")
    assert any(bar.startswith("lead") and "%" in bar and "left" in bar and "1 of 2" in bar for bar in bars)
