"""Legacy encodings told apart by all the text of a file, in every room that reads text."""

import random

import pytest
from smf_bytes import mtrk, smf, sung

from engine.errors import LyricError
from engine.lyrics.lyric_files import read_lyric_text
from engine.score.encodings import decode_file, detect_encoding
from engine.score.formats.midi import read_midi
from engine.score.formats.ust import read_ust

RUSSIAN = "Тихо светит лампа над рекой\nИ плывут по небу облака\nПусть дорога будет нелегка"
TEXTS = [
    ("cp1251", RUSSIAN),
    ("cp1251", RUSSIAN.upper()),
    ("cp1251", "Тихо пливе ніч над рікою\nІ співає соловей у гаю"),
    ("cp1251", "Ноћ је пала на град\nђаци певају"),
    ("koi8_r", RUSSIAN),
    ("cp1250", "Cicho płynie noc nad łąką\nŚwieci księżyc, gaśnie dzień"),
    ("cp1250", "Tiše plyne řeka tmavá\nSvítí měsíc nad strání\nKdo mě vůbec ještě čeká"),
    ("cp1250", "Őszi erdő, hűvös szél\nmesél nekem az éj\nhol volt, hol nem volt"),
    ("cp1250", "Şi luna trece peste sat\nîn noaptea cu fântâni\nţine-mă de mână"),
    ("cp1250", "Čekam te na obali mora\nžuta ruža u mojoj kosi\nšapće mi vjetar"),
    ("cp1252", "La lumière du soir s'éteint là-bas\nLe cœur léger, ça va déjà"),
    ("cp1252", "Über den Wäldern, leise und schön\nwo die Nächte süß und kühl sind"),
    ("cp1252", "Mañana volverá la canción\ncorazón, ¿dónde estás?"),
    ("cp1252", "Amanhã não haverá canções\nno coração da manhã"),
    ("cp1252", "Så går en dag än från vår tid\noch kommer icke åter"),
    ("cp1252", "Það er svo gott að vera hér\nþú ert mín ást"),
    ("cp1252", "Keep the lanterns burning\nI don’t know, she said “wait”"),
    ("cp1252", "It's a cliché"),
    ("cp1253", "Σιγά σιγά η νύχτα πέφτει\nκαι το φεγγάρι ανεβαίνει"),
    ("mac_roman", "La lumière du soir s'éteint là-bas\nLe cœur léger, ça va déjà"),
    ("mac_roman", "Über den Wäldern, leise und schön\nwo die Nächte süß und kühl sind"),
    ("mac_roman", "Mañana volverá la canción\ncorazón, ¿dónde estás?"),
    ("mac_roman", "Perché la città è già più lontana"),
    ("cp1254", "Gece sessiz, ay ışığı\nşarkı söyler gönlüm"),
    ("cp932", "ほしぞらのうた\n君と見た夢\nランプの光"),
    ("cp932", "ラ ン プ ア"),
    ("euc_jp", "ほしぞらのうた\n君と見た夢\nランプの光\nさくらがさいた"),
    ("gb18030", "月光照在河上\n我等你回来\n星星在唱歌"),
    ("big5", "月光照在河上\n我等你回來\n星星在唱歌\n風輕輕吹過"),
    ("cp949", "달빛이 강물 위에\n나는 너를 기다려\n별이 노래하네"),
]
IDS = [f"{encoding}-{text[:8]}" for encoding, text in TEXTS]


def shown(texts):
    return "|".join(texts)


@pytest.mark.parametrize(("encoding", "text"), TEXTS, ids=IDS)
def test_a_text_file(encoding, text, tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(text.encode(encoding))
    assert list(read_lyric_text(path).lines) == text.split("\n")


@pytest.mark.parametrize(("encoding", "text"), TEXTS, ids=IDS)
def test_timed_lyrics(encoding, text, tmp_path):
    path = tmp_path / "words.lrc"
    path.write_bytes("\n".join(f"[00:{number:02}.00]{line}" for number, line in enumerate(text.split("\n"))).encode(encoding))
    assert [line.text for line in read_lyric_text(path).timed_lines] == text.split("\n")


@pytest.mark.parametrize(("encoding", "text"), TEXTS, ids=IDS)
@pytest.mark.parametrize("size", [2, 40], ids=["syllables", "words"])
def test_midi_lyrics(encoding, text, size):
    pieces = [word[start : start + size] for word in text.split() for start in range(0, len(word), size)]
    payloads = [piece.encode(encoding) for piece in pieces]
    detected = detect_encoding(payloads)
    assert shown(payload.decode(detected) for payload in payloads) == shown(pieces)
    words = [word for word in text.split() if word.isalpha()]
    score = read_midi(smf(mtrk(sung(*(word.encode(encoding) for word in words)))), title="t")
    assert [note.lyric for note in score.tracks[0].notes] == words


@pytest.mark.parametrize(("encoding", "text"), TEXTS, ids=IDS)
def test_utau_lyrics(encoding, text):
    words = [word for word in text.split() if word.isalpha()]
    notes = "".join(f"[#{number:04}]\nLength=480\nLyric={word}\nNoteNum=60\n" for number, word in enumerate(words))
    (track,) = read_ust(f"[#SETTING]\nTempo=120\n{notes}[#TRACKEND]\n".encode(encoding), title="t").tracks
    assert [note.lyric for note in track.notes] == words


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", ["Тихо\nпливе", "plain words", "ほし\nぞら and more"])
def test_unicode_files(encoding, text):
    assert decode_file(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["plain words", "ほし\nぞら and more words"])
def test_utf16_without_a_mark_is_known_by_its_ascii_letters(encoding, text):
    assert decode_file(text.encode(encoding)) == text


def test_any_bytes_are_text():
    assert detect_encoding([]) == detect_encoding([b"ascii"]) == "utf-8"
    for data in (bytes(range(256)), b"\xff\xfe\x00", b"\x80", b"\xff" * 999, b"a\x81"):
        assert isinstance(decode_file(data), str)


def test_binary_data_is_rejected(tmp_path):
    path = tmp_path / "words.txt"
    for data in (bytes(range(256)) * 4, b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x14\0\xff", random.Random(1).randbytes(300)):
        path.write_bytes(data)
        with pytest.raises(LyricError, match=r"words\.txt is no text file"):
            read_lyric_text(path)


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
@pytest.mark.parametrize("words", ["don’t you “cry” — it’s", "‘til the dawn", "he — no", "I’ll wait… here"])
def test_quotes_and_dashes_of_an_english_text_are_no_letters(encoding, words):
    payloads = [word.encode(encoding) for word in words.split()]
    assert b" ".join(payloads).decode(detect_encoding(payloads)) == words


@pytest.mark.parametrize(("encoding", "words"), [("cp1252", "país sí"), ("cp1252", "Él así"), ("mac_roman", "corazón mí")])
def test_letters_are_no_quotes_and_dashes(encoding, words):
    payloads = [word.encode(encoding) for word in words.split()]
    assert b" ".join(payloads).decode(detect_encoding(payloads)) == words
