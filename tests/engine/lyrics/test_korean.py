"""Korean: the sound changes of the standard, syllables on notes, numbers, and what to make of odd text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.lyrics import NoteKind, lay_lyrics, read_spoken_text, spread_text
from engine.lyrics.languages import korean_rules, language_for
from engine.lyrics.languages.korean import CODA_PHONES, ONSET_PHONES, VOWEL_PHONES
from engine.lyrics.languages.korean_numbers import with_numbers_spelled
from engine.lyrics.languages.korean_rules import CODAS, ONSETS, VOWELS, Block, block_of, respellings, spoken_blocks
from engine.score.types import Note, Track

# The examples of the standard, by article: as written, as said.
STANDARD = {
    "5: vowels": """
        가져 가저, 다쳐 다처, 묻혀 무처, 붙여 부처, 희망 히망, 무늬 무니, 의사 의사""",
    "9: codas": """
        닦다 닥따, 키읔 키윽, 키읔과 키윽꽈, 옷 옫, 웃다 욷따, 있다 읻따, 젖 젇, 빚다 빋따, 꽃 꼳, 쫓다 쫃따, 솥 솓,
        뱉다 밷따, 앞 압, 덮다 덥따""",
    "10: clusters": """
        넋 넉, 넋과 넉꽈, 앉다 안따, 여덟 여덜, 넓다 널따, 외곬 외골, 핥다 할따, 값 갑, 없다 업따, 밟다 밥따, 밟소 밥쏘,
        밟지 밥찌, 밟는 밤는, 밟게 밥께, 밟고 밥꼬, 넓죽하다 넙쭈카다, 넓둥글다 넙뚱글다""",
    "11: clusters": """
        닭 닥, 흙과 흑꽈, 맑다 막따, 늙지 늑찌, 삶 삼, 젊다 점따, 읊고 읍꼬, 읊다 읍따, 맑게 말께, 묽고 물꼬, 읽고 일꼬,
        얽거나 얼꺼나""",
    "12: ㅎ": """
        놓고 노코, 좋다 조타, 좋던 조턴, 쌓지 싸치, 많고 만코, 않던 안턴, 닳지 달치, 각하 가카, 먹히다 머키다,
        밝히다 발키다, 맏형 마텽, 좁히다 조피다, 넓히다 널피다, 꽂히다 꼬치다, 앉히다 안치다, 숱하다 수타다, 닿소 다쏘,
        많소 만쏘, 싫소 실쏘, 놓는 논는, 쌓네 싼네, 않네 안네, 뚫네 뚤레, 낳은 나은, 놓아 노아, 쌓이다 싸이다, 많아 마나,
        닳아 다라, 싫어도 시러도, 닭하고 다카고""",
    "13, 14: links": """
        깎아 까까, 옷이 오시, 있어 이써, 낮이 나지, 꽂아 꼬자, 꽃을 꼬츨, 쫓아 쪼차, 밭에 바테, 앞으로 아프로,
        덮이다 더피다, 넋이 넉씨, 앉아 안자, 닭을 달글, 젊어 절머, 곬이 골씨, 핥아 할타, 읊어 을퍼, 값을 갑쓸, 값이 갑씨,
        없어 업써""",
    "15, 16: closed first": """
        맛없다 마덥따, 겉옷 거돋, 헛웃음 허두슴, 끝없이 끄덥씨, 디귿이 디그시, 지읒을 지으슬, 키읔에 키으게,
        히읗이 히으시""",
    "17: ㄷ and ㅌ before i": """
        곧이듣다 고지듣따, 굳이 구지, 미닫이 미다지, 땀받이 땀바지, 밭이 바치, 같이 가치, 벼훑이 벼훌치, 굳히다 구치다,
        닫히다 다치다, 묻히다 무치다""",
    "18: nasals": """
        먹는 멍는, 국물 궁물, 깎는 깡는, 키읔만 키응만, 몫몫이 몽목씨, 긁는 긍는, 흙만 흥만, 닫는 단는, 짓는 진는,
        옷맵시 온맵씨, 있는 인는, 맞는 만는, 젖멍울 전멍울, 쫓는 쫀는, 꽃망울 꼰망울, 붙는 분는, 잡는 잠는, 밥물 밤물,
        앞마당 암마당, 읊는 음는, 없는 엄는, 값매다 감매다""",
    "19: ㄹ as ㄴ": """
        담력 담녁, 침략 침냑, 강릉 강능, 항로 항노, 대통령 대통녕, 막론 망논, 백리 뱅니, 협력 혐녁, 십리 심니""",
    "20: liquids": """
        난로 날로, 신라 실라, 천리 철리, 광한루 광할루, 칼날 칼랄, 물난리 물랄리, 줄넘기 줄럼끼, 할는지 할른지,
        닳는 달른, 핥네 할레, 의견란 의견난, 생산량 생산냥, 결단력 결딴녁, 공권력 공꿘녁, 상견례 상견녜""",
    "23: tense": """
        국밥 국빱, 깎다 깍따, 넋받이 넉빠지, 삯돈 삭똔, 닭장 닥짱, 칡범 칙뻠, 뻗대다 뻗때다, 옷고름 옫꼬름, 있던 읻떤,
        꽂고 꼳꼬, 꽃다발 꼳따발, 낯설다 낟썰다, 밭갈이 받까리, 솥전 솓쩐, 곱돌 곱똘, 덮개 덥깨, 옆집 엽찝, 넓고 널꼬,
        값지다 갑찌다""",
    "24, 25: tense stems": """
        껴안다 껴안따, 앉고 안꼬, 얹다 언따, 삼고 삼꼬, 더듬지 더듬찌, 닮고 담꼬, 젊지 점찌, 안기다 안기다,
        감기다 감기다, 굶기다 굼기다, 옮기다 옴기다, 넓게 널께, 핥다 할따, 훑소 훌쏘, 떫지 떨찌""",
    "26-28: tense by word": """
        갈등 갈뜽, 절도 절또, 할걸 할껄, 할수록 할쑤록, 할지라도 할찌라도, 눈동자 눈똥자, 강줄기 강쭐기""",
    "29, 30: ㄴ comes in": """
        콧날 콘날, 아랫니 아랜니, 깻잎 깬닙, 나뭇잎 나문닙, 베갯잇 베갠닏, 뒷일 뒨닐, 솜이불 솜니불, 한여름 한녀름,
        색연필 생년필""",
}
ACROSS_SPACES = """
    옷 한 벌=오 탄 벌, 낮 한때=나 탄때, 책 넣는다=챙 넌는다, 흙 말리다=흥 말리다, 옷 맞추다=온 맏추다,
    밥 먹는다=밤 멍는다, 값 매기다=감 매기다, 할 것을=할 꺼슬, 갈 데가=갈 떼가, 할 수는=할 쑤는, 할 적에=할 쩌게,
    너를 너무=너를 너무, 꽃 위에=꼳 위에, 길을 건너=기를 건너, 나를 것처럼=나를 걷처럼"""


def said(text: str) -> str:
    return "".join(map(str, spoken_blocks(text)))


@pytest.mark.parametrize(("written", "sound"), [pair.split() for examples in STANDARD.values() for pair in examples.split(",")])
def test_words_follow_the_standard_pronunciation(written: str, sound: str) -> None:
    assert said(written) == sound


@pytest.mark.parametrize(("written", "sound"), [pair.strip().split("=") for pair in ACROSS_SPACES.split(",")])
def test_sounds_meet_across_spaces(written: str, sound: str) -> None:
    assert said(written) == sound.replace(" ", "")


def test_particles_find_the_true_coda_of_a_respelled_word() -> None:
    assert [said(word) for word in ("꽃잎이", "꽃잎만", "달빛이", "달빛도")] == ["꼰니피", "꼰님만", "달삐치", "달삗또"]


def test_respellings_have_a_block_for_each_block_and_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    with_table = {written: said(f"{written}이") for written in respellings()}
    monkeypatch.setattr(korean_rules, "_respell", lambda text: text)
    for written, respelled in respellings().items():
        assert len(written) == len(respelled) and all(map(korean_rules.is_block, written + respelled))
        assert with_table[written] != said(f"{written}이"), f"the rules alone know {written}"


def test_all_meetings_of_letters_are_sayable() -> None:
    """Every coda before every onset, in a word and across a space: the closed codas, and no double ㅎ."""
    for coda in CODAS:
        for onset in ONSETS:
            for space in ("", " "):
                first, second = spoken_blocks(f"{Block('ㄱ', 'ㅓ', coda)}{space}{Block(onset, 'ㅏ', '')}")
                assert first.coda in ("", *CODA_PHONES) and second.onset in ONSETS and not second.coda
                assert (first.coda, second.onset) not in {("ㄱ", "ㄴ"), ("ㄷ", "ㅁ"), ("ㅂ", "ㄴ"), ("ㄴ", "ㄹ"), ("ㄹ", "ㄴ")}
                assert not (first.coda in tuple("ㄱㄷㅂ") and second.onset in "ㄱㄷㅂㅅㅈㅎ"), (coda, onset)


def test_blocks_and_letters_are_the_same_thing() -> None:
    for number in range(11_172):
        character = chr(ord("가") + number)
        assert str(block_of(character)) == character


@given(st.text(st.sampled_from([str(Block(o, v, c)) for o in ONSETS for v in VOWELS[::5] for c in CODAS] + [" "]), max_size=30))
def test_any_hangul_keeps_its_blocks(text: str) -> None:
    words = " ".join(text.split())
    blocks = spoken_blocks(words) if words else []
    assert len(blocks) == len(words.replace(" ", ""))
    assert all(block.coda in ("", *CODA_PHONES) for block in blocks)


# ---- on notes --------------------------------------------------------------------------------------------------------


def laid(*lyrics: str | None, language: str | None = None, gap_beats: float = 0.0):
    notes = tuple(Note(round(480 * i * (1 + gap_beats)), 480, 60.0, lyric=lyric) for i, lyric in enumerate(lyrics))
    return lay_lyrics(Track("v", notes, language=language))


def sung(*lyrics: str | None, **more) -> str:
    return " ".join(
        "|".join("-".join(phone.symbol for phone in s.phones) for s in note.syllables) or note.kind.value
        for note in laid(*lyrics, **more).notes
    )


def test_a_block_is_a_syllable_with_its_parts() -> None:
    (syllable,) = laid("강").notes[0].syllables
    assert [str(phone) for phone in syllable.phones] == ["ko/g", "ko/a", "ko/NG"]
    assert (syllable.onset, str(syllable.vowel), syllable.text) == ((syllable.phones[0],), "ko/a", "강")


def test_words_are_dealt_to_their_notes() -> None:
    assert sung("사랑해", "+", "+", "국물", None) == "s-a r-a-NG h-ae g-u-NG m-u-L"
    assert sung("값이 없어", None, None, None) == "g-a-P ssh-i eo-P ss-eo", "a line spreads over the notes behind it"
    assert sung("꽃-", "잎-", "이") == "kk-o-N n-i p-i"


def test_blocks_on_notes_of_their_own_meet() -> None:
    assert sung("국", "물", "이") == "g-u-NG m-u r-i"
    assert sung("값", "이") == "g-a-P ssh-i"
    assert sung("꽃", "잎") == "kk-o-N n-i-P"
    assert sung("못", "와") == "m-o-T wa", "the adverb keeps its coda"
    assert sung("좋아", None, "꽃", "위에", None) == "j-o a kk-o-T wi e", "a word of its own does not take a coda over"


def test_sounds_do_not_meet_over_silence() -> None:
    assert sung("밥", "먹", "어") == "b-a-M m-eo g-eo"
    assert sung("밥", "AP", "먹", "어") == "b-a-P breath m-eo g-eo"
    assert sung("밥", "R", "먹", "어") == "b-a-P rest m-eo g-eo"
    assert sung("밥", "먹", gap_beats=1.5) == "b-a-P m-eo-K"
    (line,) = read_spoken_text("밥, 먹어")
    assert [phone.symbol for word in line.words for s in word for phone in s.phones] == ["b", "a", "P", "m", "eo", "g", "eo"]


def test_text_is_spread_by_blocks() -> None:
    written, result = spread_text("사랑해 너를", language="ko")
    assert written == ("사랑해", "+", "+", "너를", "+") and result.language == "ko"


def test_decomposed_hangul_is_read_as_blocks() -> None:
    assert sung("\u1109\u1161\u1105\u1161\u11bc", None) == "s-a r-a-NG", "as file names on macOS have it"


# ---- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("0", "영"), ("10", "십"), ("16", "십육"), ("21", "이십일"), ("100", "백"), ("365일", "삼백육십오일"),
        ("1004", "천사"), ("2026년", "이천이십육년"), ("10000", "만"), ("20000", "이만"), ("110000", "십일만"),
        ("100000000", "일억"), ("3번", "세번"), ("20살", "스무살"), ("24시간", "스물네시간"), ("3개월", "삼개월"),
        ("3.5", "삼점오"), ("007", "영영칠"), ("1개", "한개"), ("100번", "백번"), ("9" * 25, "구" * 25),
    ],
)  # fmt: skip
def test_numbers(written: str, spelled: str) -> None:
    assert with_numbers_spelled(written) == spelled


def test_numbers_are_sung_in_the_language_of_the_song() -> None:
    assert sung("16", None, language="ko") == "sh-i-M n-yu-K"
    assert sung("3", "번", language="ko") == "s-a-M b-eo-N"
    assert sung("24시간", None, None, None, None, language="en") == "s-eu m-u-L r-e sh-i g-a-N", (
        "digits in a Korean word are Korean"
    )


# ---- odd text --------------------------------------------------------------------------------------------------------


def test_lone_letters_get_a_vowel_with_a_notice() -> None:
    result = laid("ㅋㅋ", "ㅠ", "\u11a8")
    assert [[s.text for s in note.syllables] for note in result.notes] == [["크", "크"], ["유"], ["그"]]
    assert any("'ㅋㅋ'" in notice for notice in result.notices)


def test_scripts_mixed_in_a_word_are_each_read_as_their_own() -> None:
    result = laid("K팝", "love해", "사랑*")
    assert [[str(s.vowel) for s in note.syllables] for note in result.notes] == [
        ["en/EY", "ko/a"],
        ["en/AH", "ko/ae"],
        ["ko/a", "ko/a"],
    ]
    first, last = result.notes[1].syllables
    assert (first.is_word_start, first.is_word_end, last.is_word_start, last.is_word_end) == (True, False, False, True)


@pytest.mark.parametrize("lyric", ["🎤", "\ua960", "\ud7b0", "ㆍ", "!!!", "\u3164", "\u200b"])
def test_unpronounceable_words_are_filled_with_a_notice(lyric: str) -> None:
    result = laid("사랑", lyric, "해")
    assert len(result.notes) == 3 and result.notices
    assert all(note.syllables for note in result.notes)


@given(st.text(st.sampled_from("가값닭ㅋㅏ\u1100\u1161\u11a8\ua960漢か1０٣.-'*+aé🎤 ~[]\u0301\u200d"), max_size=12))
def test_no_text_is_too_odd(text: str) -> None:
    result = laid("사랑", text, "해", language="ko")
    assert len(result.notes) == 3
    assert all(note.syllables for note in result.notes if note.kind is NoteKind.SING)


def test_endless_words_are_cut_with_a_notice() -> None:
    (line,) = read_spoken_text("가나다" * 1000)
    assert sum(map(len, line.words)) == 400 and "more than 400 syllables" in line.notices[0]


def test_phones_are_named_once_each() -> None:
    names = [*ONSET_PHONES.values(), "sh", "ssh", *VOWEL_PHONES.values(), *CODA_PHONES.values()]
    assert len(set(names)) == len(names)
    language = language_for("ko-KR")
    assert language is not None and language.code == "ko"
