"""The templates in the programs they are made for, each as a separate process, against our server over real sockets."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import soundfile
from jack_server import JackServer, require_jack

from bridge.cli.templates import InstallOptions
from bridge.commands.templates import TEMPLATES, install
from bridge.osc import EventQueue, OscServer, encode
from bridge.protocol import Clip, Received, events, replies
from bridge.song.replies import song_replies
from bridge.song.timeline import Timeline

pytestmark = pytest.mark.daw
ROOT = Path(__file__).parents[2]
WAIT_S = 30.0
NO_SUCH_PITCH = 200
SERVE = (sys.executable, "-c", "import sys; from bridge.cli import main; sys.exit(main())", "serve")
HEADLESS = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}  # for sclang
NO_CABLES = {"SC_JACK_DEFAULT_INPUTS": "", "SC_JACK_DEFAULT_OUTPUTS": ""}  # that scsynth would plug by itself
SUNG_DB = 60.0  # in Pd, where 100 dB is full scale and 0 dB silence


class Session:
    """A server that remembers what arrived, and answers what the templates show."""

    def __init__(self) -> None:
        self.queue = EventQueue()
        self.events: list[events.Event] = []
        self.server = OscServer(self._deliver, port=0)

    def _deliver(self, received: Received) -> bool:
        if isinstance(received.event, events.StatusRequest):
            self.server.send(received.sender, replies.Status("playing", 1234.5, 3, 0.25, 8.5, 1, 2, 4, "USB audio"))
            self.server.send(received.sender, replies.LyricsNext(0, "me", 0, 3))
        if isinstance(received.event, events.SongRequest):
            for reply in song_replies(Timeline(), 1):
                self.server.send(received.sender, reply)
        return self.queue.put(received)

    def wait_for(self, count: int, kind: type | tuple[type, ...] = object) -> list:
        """The first `count` events of a kind."""
        deadline = time.monotonic() + WAIT_S
        while len(found := [event for event in self.events if isinstance(event, kind)]) < count:
            assert time.monotonic() < deadline, f"{count} of {kind} did not come; there are {self.events}"
            received = self.queue.get(0.1)
            if received is not None:
                self.events.append(received.event)
        return found[:count]


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session()
    with made.server:
        yield made


class Program:
    """A running program and what it has printed so far."""

    def __init__(self, process: subprocess.Popen, log: Path) -> None:
        self.process, self.log = process, log

    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str) -> re.Match:
        deadline = time.monotonic() + WAIT_S
        while (match := re.search(pattern, self.printed(), re.MULTILINE)) is None:
            assert time.monotonic() < deadline, f"{pattern} was not printed, but:\n{self.printed()[-2000:]}"
            time.sleep(0.02)
        return match


@contextmanager
def running(command: Sequence[object], folder: Path, **environment: str) -> Iterator[Program]:
    """A program until the end of the block. Its standard input stays open: some end with it."""
    log = folder / f"{secrets.token_hex(4)}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=os.environ | {"HOME": str(folder), "PYTHONPATH": str(ROOT)} | environment,
        )
        try:
            yield Program(process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            assert process.stdin is not None
            process.stdin.close()


def program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (apt-get install {package})")
    return found


# Pure Data.


def pd_command(folder: Path, *options: object) -> list[object]:
    pd = program("pd", "puredata-core")
    install(InstallOptions(name="puredata", output=folder))
    return [pd, "-nogui", "-nomidi", "-stderr", *options, "-open", folder / "vocalese" / "vocalese-demo.pd"]


def test_pure_data_plays_and_listens(session: Session, tmp_path: Path) -> None:
    said = [
        f"port {session.server.port}", "lyrics stay\\ with\\ me en", "append now", "line 0", "note 64.5 0.5 0.8 love", "note 60 1 0.5",
        "on 1 64 0.8", "bend 1 -0.5", "expression 1 pressure 0.5", "off 1", "voice kathleen", "param vibrato_depth_cents 40",
        "follow 1", "status", f"note {NO_SUCH_PITCH} 1 1",
    ]  # fmt: skip
    sends = [word for message in said for word in ("-send", f"vocalese {message}")]
    with running([*pd_command(tmp_path, "-noaudio"), *sends], tmp_path) as pd:
        arrived = session.wait_for(11)
        pd.wait_for("^vocalese: subscribed lyrics 15$")
        pd.wait_for(r"^vocalese: lyrics next 0 me 0 3$")
        status = pd.wait_for(r"^vocalese: status playing \S+ \S+ (.+) USB")[1]
        pd.wait_for(r"^vocalese-error: /vocalese/note 0 range pitch")
        assert "unknown" not in pd.printed() and "no method" not in pd.printed()
    assert arrived == [
        events.LyricsSet(0, "stay with me", "en"), events.LyricsAppend(0, "now", ""), events.LyricsLine(0, 0),
        events.WholeNote(0, 64.5, 0.5, pytest.approx(0.8), "love", 0.0), events.WholeNote(0, 60.0, 1.0, 0.5, "", 0.0),
        events.NoteOn(0, 1, 64.0, pytest.approx(0.8), 0.0, ""), events.NoteBend(0, 1, -0.5, 0.0),
        events.NoteExpression(0, 1, "pressure", 0.5, 0.0), events.NoteOff(0, 1, 0.0), events.TrackVoice(0, "kathleen", ""),
        events.TrackParam(0, "vibrato_depth_cents", 40.0),
    ]  # fmt: skip
    assert status.split() == ["3", "0.25", "8.5", "1", "2", "4"]
    assert sum(session.server.counts.refused.values()) == 1, "only what was meant to be"


@pytest.fixture
def jack_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable]:
    """A JACK server without hardware, that clients of this test find by default; calls give clients to connect ports with."""
    require_jack()
    server, clients = JackServer(), []
    server.make_default(monkeypatch)

    def client():
        clients.append(server.client("patchbay"))
        return clients[-1]

    with server:
        client().close()
        yield client
        for opened in clients:  # a server with clients does not end by itself, and one that is killed keeps its place for ever
            opened.close()


def test_pure_data_hears_what_it_plays(jack_server: Callable, tmp_path: Path) -> None:
    """A note from Pd becomes singing in `vocalese serve`, which comes back into Pd through JACK, and is measured there."""
    driver = tmp_path / "driver.pd"
    (port,) = free_ports(1)
    driver.write_text(
        f"#N canvas 0 0 400 300 12;\n#X obj 20 20 netreceive -u {port};\n#X obj 20 60 route play level;\n"
        "#X obj 20 100 s vocalese;\n#X obj 120 100 s vocalese-level;\n"
        "#X connect 0 0 1 0;\n#X connect 1 0 2 0;\n#X connect 1 1 3 0;\n"
    )
    patch = pd_command(
        tmp_path,
        "-jack",
        "-nojackconnect",
        "-r",
        "48000",
        "-inchannels",
        "1",
        "-outchannels",
        "1",
        "-open",
        driver,
        "-send",
        "pd dsp 1",
    )
    with (
        running([*SERVE, "--port", "0", "--device", "jack", "--block", "256", "--no-midi"], tmp_path) as vocalese,
        running(patch, tmp_path) as pd,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control,
    ):
        osc_port = vocalese.wait_for(r"^OSC +\S+?:(\d+)")[1]
        patchbay = jack_server()

        def tell(text: str) -> None:
            control.sendto(f"{text};\n".encode(), ("127.0.0.1", port))

        def levels() -> list[float]:
            tell("level bang")
            return [float(level) for level in re.findall(r"^vocalese-level: (\S+)$", pd.printed(), re.MULTILINE)]

        def is_there(pattern: str) -> list:
            return patchbay.get_ports(pattern, is_audio=True)

        until(lambda: is_there("^pure_data:input") and is_there("^Vocalese-audio:out_0"), "ports")
        patchbay.connect(is_there("^Vocalese-audio:out_0")[0], is_there("^pure_data:input")[0])
        tell(f"play port {osc_port}")
        tell("play lyrics stay en")
        until(lambda: levels()[-3:] == [0.0, 0.0, 0.0], "silence before the notes")
        until(lambda: tell("play note 60 1 0.8") or levels()[-1] > SUNG_DB, "sound in Pd")
        until(lambda: tell("play panic") or levels()[-3:] == [0.0, 0.0, 0.0], "silence after the panic")


def free_ports(count: int) -> list[int]:
    """Different UDP ports that nobody uses."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, f"no {what} within {WAIT_S:g} s"
        time.sleep(0.1)


# SuperCollider.

SCLANG = """
(
"TEMPLATE".load;
Routine({
    0.6.wait;
    ~vocalese.lyrics("stay with me", "en");
    ~vocalese.note(64.5, 0.5);
    ~vocalese.on(1, 64); ~vocalese.bend(1, -0.5); ~vocalese.expression(1, \\pressure, 0.5); ~vocalese.off(1);
    ~vocalese.voice("kathleen");
    ~vocalese.param(\\vibrato_depth_cents, 40);
    ~vocalese.status;
    ~vocalese.note(200, 1);
    Pbind(\\type, \\vocalese, \\midinote, Pseq([64, 66.5]), \\dur, 0.25, \\legato, 1, \\amp, 0.5, \\lyric, Pseq(["stay", "-"])).play;
    ~vocalese.follow;
}).play;
)
"""


def test_supercollider_plays_and_listens(session: Session, tmp_path: Path) -> None:
    sclang = program("sclang", "supercollider-language supercollider-server")
    install(InstallOptions(name="supercollider", output=tmp_path))
    script = tmp_path / "play.scd"
    script.write_text(SCLANG.replace("TEMPLATE", str(tmp_path / "vocalese" / "vocalese.scd")))
    environment = {"VOCALESE_PORT": str(session.server.port), **HEADLESS, "XDG_RUNTIME_DIR": str(tmp_path)}
    with running([sclang, script], tmp_path, **environment) as sc:
        arrived = session.wait_for(10, (events.LyricsSet, events.WholeNote, events.NoteOn, events.NoteOff, events.NoteBend,
                                        events.NoteExpression, events.TrackVoice, events.TrackParam))  # fmt: skip
        sc.wait_for(r"^/vocalese/status +playing +1234.5 +3 +0.25 +8.5 +1 +2 +4 +USB audio$")
        sc.wait_for(r"^/vocalese/lyrics/next +0 +me +0 +3$")
        sc.wait_for(r"^/vocalese/error +/vocalese/note +0 +range +pitch is 200")
        assert "ERROR" not in sc.printed()
    *played, first, second = arrived
    assert played == [
        events.LyricsSet(0, "stay with me", "en"), events.WholeNote(0, 64.5, 0.5, pytest.approx(0.8), "", 0.0),
        events.NoteOn(0, 1, 64.0, pytest.approx(0.8), 0.0, ""), events.NoteBend(0, 1, -0.5, 0.0),
        events.NoteExpression(0, 1, "pressure", 0.5, 0.0), events.NoteOff(0, 1, 0.0), events.TrackVoice(0, "kathleen", ""),
        events.TrackParam(0, "vibrato_depth_cents", 40.0),
    ]  # fmt: skip
    assert [(note.pitch, note.duration_s, note.velocity, note.lyric) for note in (first, second)] == [
        (64.0, 0.25, 0.5, "stay"), (66.5, 0.25, 0.5, "-"),
    ]  # fmt: skip
    assert second.when_s - first.when_s == pytest.approx(0.25, abs=1e-5), "on the beat, however the messages travelled"
    assert session.server.counts.pings == 8
    assert sum(session.server.counts.refused.values()) == 1


SCLANG_EARS = """
(
"TEMPLATE".load;
thisProcess.openUDPPort(LANGUAGE);
OSCdef(\\lyrics, { ~vocalese.lyrics("stay", "en") }, '/test/lyrics');
OSCdef(\\note, { ~vocalese.note(60, 1) }, '/test/note');
OSCdef(\\panic, { ~vocalese.panic }, '/test/panic');
Server.default = s = Server.remote(\\jack, NetAddr("127.0.0.1", SYNTH));
s.doWhenBooted({
    SynthDef(\\ear, { SendReply.kr(Impulse.kr(20), '/ear', Amplitude.kr(SoundIn.ar(0), 0.01, 0.05)) }).add;
    s.sync;
    OSCdef(\\ear, { |message| ("level" + message[3]).postln }, '/ear');
    Synth(\\ear, target: RootNode(s));
});
)
"""
HEARD, SILENT = 0.02, 1e-4  # amplitudes in scsynth


def test_supercollider_hears_what_it_plays(jack_server: Callable, tmp_path: Path) -> None:
    """A note from sclang becomes singing in `vocalese serve`, which comes into scsynth through JACK, and is measured there."""
    sclang = program("sclang", "supercollider-language")
    scsynth = program("scsynth", "supercollider-server")
    install(InstallOptions(name="supercollider", output=tmp_path))
    language_port, synth_port = free_ports(2)
    script = tmp_path / "ears.scd"
    ports = SCLANG_EARS.replace("LANGUAGE", str(language_port)).replace("SYNTH", str(synth_port))
    script.write_text(ports.replace("TEMPLATE", str(tmp_path / "vocalese" / "vocalese.scd")))
    with (
        running([*SERVE, "--port", "0", "--device", "jack", "--block", "256", "--no-midi"], tmp_path) as vocalese,
        running([scsynth, "-u", synth_port, *"-i 1 -o 1 -l 1 -D 0 -R 0".split()], tmp_path, **NO_CABLES) as synth,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control,
        ExitStack() as stack,
    ):
        osc_port = vocalese.wait_for(r"^OSC +\S+?:(\d+)")[1]
        synth.wait_for("^SuperCollider 3 server ready")
        patchbay = jack_server()

        def there(pattern: str) -> list:
            return patchbay.get_ports(pattern, is_audio=True)

        stack.callback(synth.process.wait, WAIT_S)
        stack.callback(control.sendto, encode("/quit", "", []), ("127.0.0.1", synth_port))  # JACK waits for one that is killed
        until(lambda: there("^SuperCollider:in_1") and there("^Vocalese-audio:out_0"), "ports")
        patchbay.connect(there("^Vocalese-audio:out_0")[0], there("^SuperCollider:in_1")[0])
        with running([sclang, script], tmp_path, VOCALESE_PORT=osc_port, **HEADLESS, XDG_RUNTIME_DIR=str(tmp_path)) as sc:

            def tell(what: str) -> None:
                control.sendto(encode(f"/test/{what}", "", []), ("127.0.0.1", language_port))

            def levels() -> list[float]:
                return [float(level) for level in re.findall(r"^level (\S+)$", sc.printed(), re.MULTILINE)]

            def is_silent() -> bool:
                return len(levels()) >= 3 and max(levels()[-3:]) < SILENT

            until(is_silent, "silence before the notes")
            tell("lyrics")
            until(lambda: tell("note") or levels()[-1] > HEARD, "sound in scsynth")
            until(lambda: tell("panic") or is_silent(), "silence after the panic")
            assert "ERROR" not in sc.printed() and "WARNING" not in sc.printed()


# REAPER's scripts, with functions of REAPER that answer as its documentation says.

REAPER_STAND_IN = """
local notes = { { 0, 960, 64, "stay" }, { 960, 1920, 66, "-" }, { 1920, 2880, 67, "home", muted = true }, { 3840, 4800, 60, "late" } }
local texts = { { 0, 5, "stay" }, { 960, 5, "-" }, { 960, 1, "no lyric" }, { 3840, 5, "late" } }
local controls = { { 480, 0xB0, 1, 127 }, { 3840, 0xB0, 1, 0 } }
local function seconds_at(quarter) return quarter <= 4 and quarter * 0.5 or 2 + (quarter - 4) * 60 / 90 end
local function quarter_at(seconds) return seconds <= 2 and seconds * 2 or 4 + (seconds - 2) * 90 / 60 end
reaper = {
  CountSelectedMediaItems = function() return 2 end,
  GetSelectedMediaItem = function(_, index) return "item " .. index end,
  GetActiveTake = function() return "take" end,
  TakeIsMIDI = function() return true end,
  GetMediaItemTrack = function(item) return item == "item 0" and 3 or 5 end,
  GetMediaTrackInfo_Value = function(track, name) return name == "IP_TRACKNUMBER" and track + 0.0 end,
  GetTrackName = function() return true, "Löad 'n go" end,
  GetMediaItemInfo_Value = function(_, name) return name == "D_POSITION" and 2 or 2 * 60 / 90 * 2 end,
  TimeMap2_timeToQN = function(_, seconds) return quarter_at(seconds) end,
  TimeMap2_QNToTime = function(_, quarter) return seconds_at(quarter) end,
  TimeMap_GetTimeSigAtTime = function() return 4, 4, 120 end,
  CountTempoTimeSigMarkers = function() return 2 end,
  GetTempoTimeSigMarker = function(_, index)
    if index == 0 then return true, 0, 0, 0, 120, 4, 4, false end
    return true, 2, 1, 0, 90, 3, 4, false
  end,
  MIDI_CountEvts = function() return true, #notes, #controls, #texts end,
  MIDI_GetProjQNFromPPQPos = function(_, position) return 4 + position / 960 end,
  MIDI_GetNote = function(_, index)
    local note = notes[index + 1]
    return true, false, note.muted or false, note[1], note[2], 0, note[3], 100
  end,
  MIDI_GetTextSysexEvt = function(_, index) return true, false, false, table.unpack(texts[index + 1]) end,
  MIDI_GetCC = function(_, index)
    local control = controls[index + 1]
    return true, false, false, control[1], control[2], 0, control[3], control[4]
  end,
  GetProjectName = function() return "my song.rpp" end,
  GetProjectPath = function() return os.getenv("HOME") end,
  GetExtState = function() return os.getenv("HOME") .. "/vocalese" end,
  GetOS = function() return "Other" end,
  ExecProcess = function(line)
    local pipe = io.popen(line .. " 2>&1")
    local output = pipe:read("a")
    local _, _, code = pipe:close()
    return code .. "\\n" .. output
  end,
  ShowMessageBox = function(text) print("BOX " .. text) end,
  GetCursorPosition = function() return 7 end,
  SetEditCurPos = function(seconds) print("CURSOR " .. seconds) end,
  InsertMedia = function(path, mode) print("INSERT " .. mode .. " " .. path) end,
  Undo_BeginBlock = function() end,
  Undo_EndBlock = function() end,
}
dofile("SCRIPT")
"""


def run_in_reaper(script: str, folder: Path, *more: str) -> str:
    """Output of a REAPER script; `more` are appended to each command line of `vocalese`."""
    lua = program("lua5.4", "lua5.4")
    if os.name != "posix":
        pytest.skip("the stand-in of the command is a shell script")
    install(InstallOptions(name="reaper", output=folder))
    command = folder / "vocalese"
    code = "import sys; from bridge.cli import main; sys.exit(main())"
    command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{code}' \"$@\" {' '.join(more)}\n")
    command.chmod(0o755)
    stand_in = folder / "stand_in.lua"
    stand_in.write_text(REAPER_STAND_IN.replace("SCRIPT", str(folder / "Scripts/Vocalese" / script)), encoding="utf-8")
    environment = os.environ | {"HOME": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [lua, str(stand_in)], capture_output=True, encoding="utf-8", timeout=120, check=False, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_selected_items_reach_the_session(session: Session, tmp_path: Path) -> None:
    assert run_in_reaper("vocalese_send.lua", tmp_path, "--port", str(session.server.port)) == ""
    tempo, clip, second = session.wait_for(3, (events.TempoMapSet, Clip))
    assert isinstance(tempo, events.TempoMapSet) and isinstance(clip, Clip)
    assert (clip.track, second.track) == (0, 1) and len(clip.notes) == len(second.notes), "two tracks of the same name stay two"
    assert [(point.ppq, round(point.bpm, 3), point.numerator) for point in tempo.changes] == [(0, 120, 4), (4, 90, 3)]
    assert [(note.ppq, note.duration_ppq, note.pitch, note.lyric) for note in clip.notes] == [
        (4, 1, 64, "stay"),
        (5, 1, 66, "-"),
    ]
    [curve] = clip.curves
    assert curve.name == "modulation" and [(point.ppq, point.value) for point in curve.points] == [(4.5, 1.0)]


def test_a_session_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert "BOX vocalese: Nobody answers" in run_in_reaper("vocalese_send.lua", tmp_path, "--port", str(port))


def test_selected_items_are_sung_onto_tracks(tmp_path: Path) -> None:
    printed = run_in_reaper("vocalese_render.lua", tmp_path).splitlines()
    assert [line.split()[0] for line in printed] == ["CURSOR", "INSERT", "CURSOR", "INSERT", "CURSOR"], printed
    assert (printed[0], printed[2], printed[4]) == ("CURSOR 0", "CURSOR 0", "CURSOR 7")
    stem = Path(printed[1].removeprefix("INSERT 1 "))
    samples, rate = soundfile.read(stem)
    onset_s = next(index for index, sample in enumerate(samples) if abs(sample) > 0.02) / rate
    assert 1.7 < onset_s < 2.1, "the item starts at 2 s, its consonants a little before"


def test_reapers_transport_is_passed_on(session: Session, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
    code = "import sys; from bridge.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "follow", "reaper", "--listen", listen, "--port", session.server.port]
    with running(command, tmp_path) as follow, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reaper:
        follow.wait_for("^Listening to REAPER")
        for packet in (
            b"not OSC", encode("/tempo/raw", "f", [90.0]), encode("/time", "f", [10.0]), encode("/play", "f", [1.0]),
            encode("/samples/str", "s", ["480000"]),
        ):  # fmt: skip
            reaper.sendto(packet, ("127.0.0.1", listen))
        assert session.wait_for(2) == [events.Transport(1, 0, 15.0, 90.0, 0.0), events.Transport(1, 480_000, 15.0, 90.0, 0.0)]


# Ardour.

ARDOUR = """
local backend = AudioEngine:set_backend("None (Dummy)", "test", "")
backend:set_device_name("Silence") backend:set_buffer_size(256) backend:set_sample_rate(48000)
AudioEngine:start()
create_session("FOLDER/session", "session", 48000)
function ardour() end
dofile("SCRIPTS/vocalese_session.lua")
factory()()
for track in Session:get_tracks():iter() do print("TRACK " .. track:name()) end
dofile("SCRIPTS/vocalese_transport.lua")
assert(action_params()["port"])
local hook = factory({ port = "PORT" })
hook()
Session:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
for _ = 1, 4 do ARDOUR.LuaAPI.usleep(200000) hook() end
Session:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
for _ = 1, 4 do ARDOUR.LuaAPI.usleep(200000) hook() end
print("DONE")
close_session()
quit()
"""
ARDOUR_TRIES = 5  # its console aborts on its own in some runs, when it makes a session


def test_ardour_sends_its_transport(session: Session, tmp_path: Path) -> None:
    ardour = program("ardour7-lua", "ardour")
    scripts = TEMPLATES / "ardour"
    for attempt in range(ARDOUR_TRIES):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        script = folder / "test.lua"
        text = ARDOUR.replace("FOLDER", str(folder)).replace("SCRIPTS", str(scripts)).replace("PORT", str(session.server.port))
        script.write_text(text)
        environment = os.environ | {"HOME": str(folder)}
        done = subprocess.run(
            [ardour, str(script)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, env=environment
        )
        printed = done.stdout.decode(errors="replace")
        told = list(iter(lambda: session.queue.get(0.0), None))
        if "DONE" in printed or "Error:" in printed:
            break
    assert "DONE" in printed, printed + done.stderr.decode(errors="replace")
    assert re.findall(r"^TRACK (.*)$", printed, re.MULTILINE)[-3:] == ["Melody", "Vocalese live", "Vocalese stems"]
    positions = [received.event for received in told if isinstance(received.event, events.Transport)]
    rolling = [position for position in positions if position.state == 1]
    assert positions[-1].state == 0 and len(rolling) >= 3
    assert all(later.sample > earlier.sample for earlier, later in itertools.pairwise(rolling))
    for position in positions:
        assert position.ppq == pytest.approx(position.sample / 48_000 * 2, abs=1 / 1920) and position.bpm == 120.0
    assert not session.server.counts.refused
