"""One small good file of every readable format, and ways to damage them: what batch and hostile tests are built on.

Every file holds the same four quarter notes (C4 D4 E4 F4 at 120 bpm) with the words "keep the lan- terns"; texts have the words
alone. Formats of the optional `formats` extra are there only where LibreSVIP is installed.
"""

from __future__ import annotations

import importlib.util
import io
import json
import random
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path

PITCHES = (60, 62, 64, 65)
WORDS = ("keep", "the", "lan-", "terns")
BLICKS = 705_600_000


def good_score_files(*, with_extra: bool = True) -> dict[str, bytes]:
    """{suffix: the bytes of a file} for each suffix that `read_score` or the text readers know."""
    midi = _midi([_words_track()])
    files = {
        ".mid": midi,
        ".midi": midi,
        ".smf": midi,
        ".rmi": b"RIFF" + struct.pack("<I", 12 + len(midi)) + b"RMIDdata" + struct.pack("<I", len(midi)) + midi,
        ".kar": _midi([_karaoke_track()]),
        ".musicxml": _musicxml(),
        ".xml": _musicxml(),
        ".mxl": _mxl(_musicxml()),
        ".ust": _ust(),
        ".ustx": _ustx(),
        ".ds": _ds(),
        ".svp": svp_file([svp_track("Lead", svp_notes(zip(PITCHES, WORDS, strict=True)))]),
        ".vpr": vpr_file([vpr_track("Lead", list(zip(PITCHES, WORDS, strict=True)))]),
        ".vsq": vsq_file([("Lead", list(zip(PITCHES, WORDS, strict=True)))]),
        ".vsqx": vsqx_file([("Lead", list(zip(PITCHES, WORDS, strict=True)))]),
        ".txt": b"keep the lanterns\n",
        ".lrc": b"[ti:lanterns]\n[00:00.50]keep the lanterns\n",
    }
    return {**(_extra_files() if with_extra else {}), **files}


def damaged(data: bytes, kind: int) -> bytes:
    """A damaged copy; kinds 0 to 5: cut off, cut near the start, random bytes inside, a hole, empty, another file's start."""
    rng = random.Random(kind * 7919 + len(data))
    if kind == 0:
        return data[: len(data) * 2 // 3]
    if kind == 1:
        return data[: min(11, len(data) - 1)]
    if kind == 2:
        changed = bytearray(data)
        for _ in range(max(4, len(data) // 20)):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(changed)
    if kind == 3:
        return data[: len(data) // 3] + data[len(data) // 2 :]
    if kind == 4:
        return b""
    return rng.randbytes(300)


# --- MIDI ---


def _varlen(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.insert(0, value & 0x7F | 0x80)
    return bytes(digits)


def _meta(delta: int, kind: int, payload: bytes) -> bytes:
    return _varlen(delta) + bytes((0xFF, kind)) + _varlen(len(payload)) + payload


def _midi(tracks: list[bytes]) -> bytes:
    conductor = _meta(0, 0x51, (500_000).to_bytes(3, "big")) + _meta(0, 0x58, bytes((4, 2, 24, 8)))
    chunks = [body + _meta(0, 0x2F, b"") for body in (conductor, *tracks)]
    header = b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), 480)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(body)) + body for body in chunks)


def _notes(kind: int, words: tuple[str, ...]) -> bytes:
    return b"".join(
        _meta(0, kind, word.encode()) + bytes((0, 0x90, pitch, 100)) + _varlen(480) + bytes((0x80, pitch, 0))
        for pitch, word in zip(PITCHES, words, strict=True)
    )


def _words_track() -> bytes:
    return _meta(0, 0x03, b"Lead") + _notes(0x05, WORDS)


def _karaoke_track() -> bytes:
    head = b"".join(_meta(0, 0x01, line) for line in (b"@KMIDI KARAOKE FILE", b"@LENGL", b"@TLanterns"))
    return _meta(0, 0x03, b"Words") + head + _notes(0x01, ("\\keep", " the", "/lan", "terns"))


def vsq_file(tracks: list[tuple[str, list[tuple[int, str]]]], *, encoding: str = "cp932", muted: tuple[int, ...] = ()) -> bytes:
    """A VOCALOID 2 sequence of (track name, [(pitch, lyric)]); quarter notes behind one bar of pre-measure."""
    bodies = []
    for index, (name, notes) in enumerate(tracks):
        lines = ["[Common]", "Version=DSB301", f"Name={name}", "DynamicsMode=1", "PlayMode=1"]
        if index == 0:
            lines += ["[Master]", "PreMeasure=1", "[Mixer]", "MasterMute=0", f"Tracks={len(tracks)}"]
            lines += [f"Mute{number}={int(number in muted)}" for number in range(len(tracks))]
        events = [f"{1920 + 480 * number}=ID#{number + 1:04}" for number in range(len(notes))]
        lines += ["[EventList]", *events, f"{1920 + 480 * len(notes)}=EOS"]
        for number, (pitch, lyric) in enumerate(notes, 1):
            lines += [f"[ID#{number:04}]", "Type=Anote", "Length=480", f"Note#={pitch}", f"LyricHandle=h#{number:04}"]
            lines += [f"[h#{number:04}]", f'L0="{lyric}","a",0.000000,64,0']
        payload = "\n".join([*lines, ""]).encode(encoding)
        pieces = [payload[start : start + 119] for start in range(0, len(payload), 119)]
        texts = b"".join(_meta(0, 0x01, b"DM:%04d:" % number + piece) for number, piece in enumerate(pieces))
        bodies.append(_meta(0, 0x03, name.encode(encoding)) + texts)
    return _midi(bodies)


# --- Other formats ---


def _musicxml() -> bytes:
    steps = ("C", "D", "E", "F")
    syllabic = (("single", "keep"), ("single", "the"), ("begin", "lan"), ("end", "terns"))
    notes = "".join(
        f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>1</duration><type>quarter</type>"
        f"<lyric><syllabic>{kind}</syllabic><text>{word}</text></lyric></note>"
        for step, (kind, word) in zip(steps, syllabic, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Lead'
        '</part-name></score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions>'
        f"<time><beats>4</beats><beat-type>4</beat-type></time></attributes>{notes}</measure></part></score-partwise>"
    ).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive of these members, with their names as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo("member")
            info.filename = name  # not turned to the separators of this system
            archive.writestr(info, content)
    return buffer.getvalue()


def _mxl(score: bytes) -> bytes:
    container = b'<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
    return zipped({"META-INF/container.xml": container, "score.xml": score})


def _ust() -> bytes:
    notes = "".join(
        f"[#{number:04}]\r\nLength=480\r\nLyric={word}\r\nNoteNum={pitch}\r\n"
        for number, (pitch, word) in enumerate(zip(PITCHES, WORDS, strict=True))
    )
    head = "[#VERSION]\r\nUST Version1.2\r\n[#SETTING]\r\nTempo=120.00\r\nTracks=1\r\nMode2=True\r\n"
    return f"{head}{notes}[#TRACKEND]\r\n".encode()


def _ustx() -> bytes:
    notes = "".join(
        f"  - {{position: {480 * number}, duration: 480, tone: {pitch}, lyric: {word}}}\n"
        for number, (pitch, word) in enumerate(zip(PITCHES, ("keep", "the", "lanterns", "+"), strict=True))
    )
    return (
        "name: song\nustx_version: '0.6'\nresolution: 480\ntempos:\n- {position: 0, bpm: 120}\ntracks:\n- {track_name: Lead}\n"
        f"voice_parts:\n- name: part\n  track_no: 0\n  position: 0\n  notes:\n{notes}"
    ).encode()


def _ds() -> bytes:
    segment = {
        "offset": 0.0,
        "text": "keep the lan- terns",
        "ph_seq": "k iy p dh ah l ae n t er n z",
        "ph_dur": " ".join(["0.1667"] * 12),
        "note_seq": "C4 D4 E4 F4",
        "note_dur": "0.5 0.5 0.5 0.5",
        "note_slur": "0 0 0 0",
    }
    return json.dumps([segment]).encode()


def svp_notes(pitched, *, start: int = 0, **fields) -> list[dict]:
    """Synthesizer V notes from (pitch, lyric), quarters one after another from beat `start`."""
    return [
        {
            "onset": (start + number) * BLICKS,
            "duration": BLICKS,
            "lyrics": lyric,
            "phonemes": "",
            "pitch": pitch,
            "attributes": {},
            **fields,
        }
        for number, (pitch, lyric) in enumerate(pitched)
    ]


def svp_track(name, notes=(), *, groups=(), mute=False, language="english", parameters=None, **reference) -> dict:
    """A Synthesizer V track with notes of its own and references to groups."""
    return {
        "name": name,
        "mixer": {"mute": mute, "solo": False},
        "mainGroup": {"name": "main", "uuid": f"main-{name}", "notes": list(notes), "parameters": parameters or {}},
        "mainRef": {
            "groupID": f"main-{name}",
            "blickOffset": 0,
            "pitchOffset": 0,
            "database": {"name": "x", "language": language},
            **reference,
        },
        "groups": list(groups),
    }


def svp_file(tracks: list[dict], *, library: tuple[dict, ...] = ()) -> bytes:
    """A Synthesizer V project at 120 bpm."""
    time = {"meter": [{"index": 0, "numerator": 4, "denominator": 4}], "tempo": [{"position": 0, "bpm": 120.0}]}
    return (
        json.dumps({"version": 119, "time": time, "library": list(library), "tracks": tracks, "renderConfig": {}}).encode()
        + b"\0"
    )


def vpr_track(
    name: str, notes: list[tuple[int, str]], *, muted: bool = False, language: int = 1, controllers=(), **fields
) -> dict:
    """A VOCALOID track with one part that starts at its first bar."""
    written = [
        {"lyric": lyric, "phoneme": "", "pos": 480 * number, "duration": 480, "number": pitch, "velocity": 64}
        for number, (pitch, lyric) in enumerate(notes)
    ]
    part = {"pos": 0, "duration": 480 * len(notes), "voice": {"compID": "X", "langID": language}, "notes": written}
    return {"type": 0, "name": name, "isMuted": muted, "parts": [{**part, "controllers": list(controllers)}], **fields}


def vpr_file(tracks: list[dict], *, member: str = "Project/sequence.json") -> bytes:
    """A VOCALOID 5 project at 120 bpm."""
    master = {
        "tempo": {"global": {"isEnabled": False, "value": 12000}, "events": [{"pos": 0, "value": 12000}]},
        "timeSig": {"events": [{"bar": 0, "numer": 4, "denom": 4}]},
    }
    song = {
        "version": {"major": 5},
        "vender": "Yamaha Corporation",
        "title": "t",
        "masterTrack": master,
        "voices": [],
        "tracks": tracks,
    }
    return zipped({member: json.dumps(song).encode()})


def vsqx_file(tracks: list[tuple[str, list[tuple[int, str]]]], *, muted: tuple[int, ...] = ()) -> bytes:
    """A VOCALOID 4 sequence of (track name, [(pitch, lyric)]); quarter notes behind one bar of pre-measure."""
    units = "".join(
        f"<vsUnit><tNo>{number}</tNo><iGin>0</iGin><sLvl>-898</sLvl><sEnable>0</sEnable><m>{int(number in muted)}</m><s>0</s><pan>64</pan>"
        "<vol>0</vol></vsUnit>"
        for number in range(len(tracks))
    )
    body = "".join(_vsqx_track(number, name, notes) for number, (name, notes) in enumerate(tracks))
    wave = "<iGin>0</iGin><sLvl>-898</sLvl><sEnable>0</sEnable><m>0</m><s>0</s><pan>64</pan><vol>0</vol>"
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?><vsq4 xmlns="http://www.yamaha.co.jp/vocaloid/schema/vsq4/">'
        "<vender>Yamaha corporation</vender><version>4.0.0.3</version><vVoiceTable><vVoice><bs>1</bs><pc>0</pc><id>X</id><name>X</name>"
        "<vPrm><bre>0</bre><bri>0</bri><cle>0</cle><gen>0</gen><ope>0</ope></vPrm></vVoice></vVoiceTable>"
        "<mixer><masterUnit><oDev>0</oDev><rLvl>0</rLvl><vol>0</vol></masterUnit>"
        f"{units}<monoUnit>{wave}</monoUnit><stUnit>{wave.replace('<pan>64</pan>', '')}</stUnit></mixer>"
        "<masterTrack><seqName>t</seqName><comment>c</comment><resolution>480</resolution><preMeasure>1</preMeasure>"
        "<timeSig><m>0</m><nu>4</nu><de>4</de></timeSig><tempo><t>0</t><v>12000</v></tempo></masterTrack>"
        f"{body}<monoTrack></monoTrack><stTrack></stTrack><aux><id>AUX_VST_HOST_CHUNK_INFO</id><content>x</content></aux></vsq4>"
    ).encode()


def _vsqx_track(number: int, name: str, notes: list[tuple[int, str]]) -> str:
    style = "".join(
        f'<v id="{key}">{value}</v>' for key, value in (("accent", 50), ("bendDep", 8), ("bendLen", 0), ("decay", 50))
    )
    written = "".join(
        f"<note><t>{480 * place}</t><dur>480</dur><n>{pitch}</n><v>64</v><y>{lyric}</y><p>a</p><nStyle>{style}</nStyle></note>"
        for place, (pitch, lyric) in enumerate(notes)
    )
    return (
        f"<vsTrack><tNo>{number}</tNo><name>{name}</name><comment>c</comment><vsPart><t>1920</t><playTime>{480 * len(notes)}</playTime>"
        f"<name>p</name><comment>c</comment><sPlug><id>X</id><name>X</name><version>1</version></sPlug><pStyle>{style}</pStyle>"
        f"<singer><t>0</t><bs>1</bs><pc>0</pc></singer>{written}<plane>0</plane></vsPart></vsTrack>"
    )


def _extra_files() -> dict[str, bytes]:
    """Files that LibreSVIP writes, in those formats of `EXTRA_SUFFIXES` that it can write."""
    from engine.score import EXTRA_SUFFIXES

    if importlib.util.find_spec("libresvip") is None:
        return {}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        from libresvip.extension.manager import plugin_manager
        from libresvip.model import base

        notes = [
            base.Note(start_pos=480 * number, length=480, key_number=pitch, lyric=word.rstrip("-"))
            for number, (pitch, word) in enumerate(zip(PITCHES, WORDS, strict=True))
        ]
        track = base.SingingTrack(title="Lead", note_list=notes)
        project = base.Project(
            song_tempo_list=[base.SongTempo(position=0, bpm=120)],
            time_signature_list=[base.TimeSignature()],
            track_list=[track],
        )
        files = {}
        for suffix in EXTRA_SUFFIXES:
            path = Path(folder) / f"song{suffix}"
            try:
                plugin_manager.plugins["svs"][suffix[1:]].dump(path, project, {})
            except Exception:  # some plugins only read
                continue
            if path.is_file():
                files[suffix] = path.read_bytes()
        return files
