"""Reading of texts in all languages and scripts as phones; unreadable scripts and signs are reported."""

from __future__ import annotations

import importlib.util

import pytest

from engine.errors import LyricError
from engine.languages import LANGUAGES, language_code, language_name
from engine.lyrics import Syllable, UserDictionary, read_spoken_text, read_user_dictionary, spread_text, to_english_phones
from engine.lyrics.han import cardinal
from engine.lyrics.languages import language_for
from engine.lyrics.languages.english_text import spell_out
from engine.lyrics.scripts import parts_by_script, unreadable_script

# language of the line | text | phones, syllables apart by dots. A star: phones with their languages, English ones without.
TEXTS = """
en | th' other | DH IY . AH . DH ER
en | o'er | AO R
en | g'day mate | G AH . D EY . M EY T
en | s'more | S M AO R
en | ’cause | K AH Z
en | y'know | Y AH . N OW
en | j'ai | ZH EY
en | 'tis | T IH Z
en | ne'er | N EH R
en | rock ‘n’ roll | R AA K . AH N . R OW L
en | rock'n'roll | R AA . K AH N . R OW L
en | singin' | S IH NG . IH N
en | gonna | G AH . N AH
en | ev'ry heav'n | EH V . R IY . HH EH . V AH N
en | list'ning | L IH . S N IH NG
en | wand'ring | W AA N . D R IH NG
en | ’neath | N IY TH
en | 'gainst | G EH N S T
en | o' th' sea | AH . DH AH . S IY
en | m'lady | M AH . L EY . D IY
en | shan't | SH AE N T
en | lov'd | L AH V D
en | Mr. and Mrs. Stone | M IH . S T ER . AH N D . M IH . S IH Z . S T OW N
en | Dr. Who | D AA K . T ER . HH UW
en | St. John | S EY N T . JH AA N
en | Main St. | M EY N . S T R IY T
en | stop Mrs Drake | S T AA P . M IH . S IH Z . D R EY K
en | us vs. them | AH S . V ER . S AH S . DH EH M
en | rock etc. | R AA K . EH T . S EH . T ER . AH
en | 1,000 | W AH N . TH AW . Z AH N D
en | 1 000 | W AH N . TH AW . Z AH N D
en | 1.000 | W AH N . TH AW . Z AH N D
en | 1,984 | W AH N . TH AW . Z AH N D . N AY N . HH AH N . D R AH D . EY . T IY . F AO R
en | 1984 | N AY N . T IY . N EY . T IY . F AO R
en | 2,500,000 | T UW . M IH L . Y AH N . F AY V . HH AH N . D R AH D . TH AW . Z AH N D
en | 3.14 | TH R IY . P OY N . T W AH N . F AO R
en | 0.5 | Z IH . R OW . P OY N T . F AY V
en | 100 200 300 | W AH N . HH AH N . D R AH D . T UW . HH AH N . D R AH D . TH R IY . HH AH N . D R AH D
en | 5 km | F AY V . K AH . L AA . M AH . T ER Z
en | 1 km | W AH N . K AH . L AA . M AH . T ER
en | 3kg | TH R IY . K IH . L AH . G R AE M Z
en | 20 °C | T W EH N . T IY . D IH . G R IY Z . S EH L . S IY . AH S
en | 20℃ | T W EH N . T IY . D IH . G R IY Z . S EH L . S IY . AH S
en | -5 °C | M AY . N AH S . F AY V . D IH . G R IY Z . S EH L . S IY . AH S
en | 50 % | F IH F . T IY . P ER . S EH N T
en | 50% | F IH F . T IY . P ER . S EH N T
en | $5 | F AY V . D AA . L ER Z
en | $1 | W AH N . D AA . L ER
en | £3.50 | TH R IY . P AW N D Z . F IH F . T IY
en | €1.05 | W AH N . Y UW . R OW . OW . F AY V
en | 5€ | F AY V . Y UW . R OW Z
en | $2 million | T UW . M IH L . Y AH N . D AA . L ER Z
en | A$AP | EY . S AE P
en | 1st | F ER S T
en | dont | D OW N T
en | im youre thats | AY M . Y UH R . DH AE T S
en | C# | S IY . SH AA R P
en | B♭ | B IY . F L AE T
en | 22nd | T W EH N . T IY . S EH . K AH N D
en | 2009 | T UW . TH AW . Z AH N D . N AY N
en | 1900s | N AY N . T IY N . HH AH N . D R AH D Z
en | '90s | N AY N . T IY Z
en | 7:30 | S EH . V AH N . TH ER . D IY
en | 7:00 | S EH . V AH N . AH . K L AA K
en | 7:05 pm | S EH . V AH N . OW . F AY V . P IY . EH M
en | 14:00 | F AO R . T IY N . HH AH N . D R AH D
en | 3½ | TH R IY . AH N D . AH . HH AE F
en | № 5 | N AH M . B ER . F AY V
en | #1 | N AH M . B ER . W AH N
en | 2+2=4 | T UW . P L AH S . T UW . IY . K W AH L Z . F AO R
en | 24/7 | T W EH N . T IY . F AO R . S EH . V AH N
en | 808 | EY . T OW . EY T
en | 007 | OW . OW . S EH . V AH N
ja | きみと love ずっと | *ja/k ja/i . ja/m ja/i . ja/t ja/o . L AH V . ja/z ja/u ja/cl . ja/t ja/o
ja | love きみ | *L AH V . ja/k ja/i . ja/m ja/i
ja | kimi to | k i . m i . t o
ja | 3月 | s a . N . g a . ts u
ja | 24時間 | n i . j u . u . y o . j i . k a . N
ja | 50% | g o . j u cl . p a . a . s e . N . t o
ja | Tシャツ | *T IY . ja/sh ja/a . ja/ts ja/u
en | 愛 love きみ | *ja/a . ja/i . L AH V . ja/k ja/i . ja/m ja/i
zh | 我爱 you | *zh/uo . zh/ai . Y UW
zh | 我爱you | *zh/uo . zh/ai . Y UW
zh | 我有100块 | uo . iou . i . b ai . k uai
zh | 2009年 | er . l ing . l ing . j iou . n ian
zh | 3.5元 | s an . d ian . u . van
zh | 50% | b ai . f en . zh iii . u . sh iii
zh | 两点30分 5:30 | l iang . d ian . s an . sh iii . f en . u . d ian . b an
zh | 2个 | l iang . g e
zh | ni3 hao3 you | n i . h ao . iou
yue | 我有100蚊 | ng o . j au . j at . b aak . m an
ko | 24시간 | s eu . m u L . r e . sh i . g a N
ko | 50% | o . sh i P . p eo . s e N . t eu
ko | K팝 | *K EY . ko/p ko/a ko/P
en | love 사랑 | *L AH V . ko/s ko/a . ko/r ko/a ko/NG
en | ’mongst friends | M AH NG S T . F R EH N D Z
en | 10,000 hours | T EH N . TH AW . Z AH N D . AW R Z
en | fam'ly | F AE M . L IY
en | 1,000 km | W AH N . TH AW . Z AH N D . K AH . L AA . M AH . T ER Z
en | I'm 5 ft tall | AY M . F AY V . F IY T . T AO L
en | 0:30 | T W EH L V . TH ER . D IY
en | nothin' doin' | N AH . TH IH N . D UW . IH N
en | c'mon y'all | K AH . M AA N . Y AO L
en | d'you | D Y UW
en | Beyoncé | B IY . Y AA N . S EY
en | 4ever | F ER . EH . V ER
en | 98 °F | N AY N . T IY . EY T . D IH . G R IY Z . F EH . R AH N . HH AY T
en | 100 m | W AH N . HH AH N . D R AH D . M IY . T ER Z
zh | 20°C | er . sh iii . d u
ja | 5km | g o . k i . r o . m e . e . t o . r u
ja | 明日[あす] | a . s u
zh | 行[hang2] | h ang
en | live[L AY1 V] | L AY V
ja | love[L AH1 V] ね | *L AH V . ja/n ja/e
en | A4 | EY . F AO R
en | R&B | AA . R AH N . B IY
en | 100k | W AH N . HH AH N . D R AH D . K EY
zh | 身高180cm | sh en . g ao . i . b ai . b a . sh iii . l i . m i
zh | 增长5.2% | z eng . zh ang . b ai . f en . zh iii . u . d ian . er
zh | 有1,000块 | iou . i . q ian . k uai
zh | A4纸 | *EY . zh/s zh/ii . zh/zh zh/iii
zh | 东京タワー | *zh/d zh/ong . zh/j zh/ing . ja/t ja/a . ja/w ja/a . ja/a
ja | 5,000円 | g o . s e . N . e . N
ja | LOVEマシーン | *L AH V . ja/m ja/a . ja/sh ja/i . ja/i . ja/N
ko | 1,000원 | ch eo . n wo N
"""
EUROPEAN_TEXTS = """
de | schöne Mädchen | ʃ øː . n ə . m ɛː d . ç ə n
de | 5 km | f ʏ n f . k iː . l oː . m eː . t ɜ
de | 3,5 % | d ɾ aɪ . k ɔ . m ɑː . f ʏ n f . p ɾ oː . ts ɛ n t
de | 1.000 | aɪ n . t aʊ . z ə n t
de | 5 € | f ʏ n f . ɔø . r oː
de | 7:30 Uhr | z iː . b ə n . uː ɾ . d ɾ aɪ . s ɪ ç
de | Dr. Faust & Gretchen | d ɔ k . t oː ɾ . f aʊ s t . ʊ n t . ɡ ɾ eː t . ç ə n
fr | j'ai | ʒ e
fr | l'amour | l a . m u ʁ
fr | aujourd'hui | o . ʒ u ʁ . d ɥ i
fr | le p'tit | l ə . p t i
fr | ch'val | ʃ v a l
fr | v'là | v l a
fr | 2e | d ø . z j ɛ m
fr | 20e siècle | v ɛ̃ . t j ɛ m . s j ɛ k l
fr | 1re | p ʁ ə . m j ɛ ʁ
fr | 8h | ɥ i t . œ ʁ
de | am 3. Mai | a m . d ɾ ɪ . t ə n . m aɪ
de | der 20. Juli | d ɛ ɾ . ts v a n . ts ɪ ç . s t ə . j uː . l iː
es | 3ª vez | t e ɾ . θ e . ɾ a . b e θ
it | 2º | s e . k o n . d o
fr | 20 °C | v ɛ̃ . d ə . ɡ ʁ e . s ɛ l . s j y s
fr | M. Durand | m ə . s j ø . d y . ʁ ɑ̃
es | corazón | k o . ɾ a . θ o n
es | la guitarra | l a . ɡ i . t a . r a
it | luce | l u . tʃ e
it | gli amici | ʎ ɪ . a . m i . tʃ ɪ
pt | coração | k u . ɾ ɐ . s ɐ̃ʊ̃
pt | não | n ɐ̃ʊ̃
la | Agnus Dei | a ɲ . ɲ ʊ s . d e . ɪ
la | caelum | tʃ ɛ . l ʊ m
la | gratias | ɡ r a . ts i . a s
la | mihi | m i . k ɪ
fr | la nuit | l a . n ɥ i
it | il cuore | iː l . k w ɔ . r e
de | Nr. 5 | n ʊ . m ɜ . f ʏ n f
es | 7:30 | s j e . t e . i . t ɾ eɪ n . t a
it | 50 % | tʃ i n . k w a n . t a . p e r . tʃ ɛ n . t o
pt | 3 kg | t ɹ e ʃ . k i . l ʊ ʃ
de | Liebe[l iː b ə] | l iː . b ə
"""
needs_espeak = pytest.mark.skipif(
    importlib.util.find_spec("espeakng_loader") is None, reason="the extra 'languages' is not installed"
)


def rows(table: str) -> list[tuple[str, ...]]:
    return [tuple(line.split(" | ")) for line in table.strip().splitlines()]


def quote(syllables: list[Syllable], line_language: str) -> str:
    """Phones of the line's own language bare; if there are others, all but English ones with their language, behind a star."""
    languages = {phone.language for syllable in syllables for phone in syllable.phones}
    is_one = languages <= {line_language}
    groups = (" ".join(p.symbol if is_one or p.language == "en" else str(p) for p in syllable.phones) for syllable in syllables)
    return ("" if is_one else "*") + " . ".join(groups)


def sung(text: str, language: str = "en", dictionary: UserDictionary | None = None) -> tuple[str, tuple[str, ...]]:
    _, laid = spread_text(text, language=language, dictionary=dictionary)
    return quote([syllable for note in laid.notes for syllable in note.syllables], language), laid.notices


def spoken(text: str, language: str = "en", dictionary: UserDictionary | None = None) -> tuple[str, tuple[str, ...]]:
    lines = read_spoken_text(text, language=language, dictionary=dictionary)
    syllables = [syllable for line in lines for word in line.words for syllable in word]
    return quote(syllables, language), tuple(sentence for line in lines for sentence in line.notices)


def test_the_tables_are_long_enough() -> None:
    assert len(rows(TEXTS)) + len(rows(EUROPEAN_TEXTS)) >= 100


@pytest.mark.parametrize(("language", "text", "phones"), rows(TEXTS))
def test_text(language: str, text: str, phones: str) -> None:
    assert sung(text, language) == (phones, ())


@needs_espeak
@pytest.mark.parametrize(("language", "text", "phones"), rows(EUROPEAN_TEXTS))
def test_european_text(language: str, text: str, phones: str) -> None:
    assert sung(text, language) == (phones, ())


@pytest.mark.parametrize("apostrophe", ["\u2019", "\u2018", "\u02bc", "\u00b4", "`", "\u2032"])
def test_every_apostrophe_is_one(apostrophe: str) -> None:
    text = "th' o'er g'day rock 'n' roll singin'"
    assert sung(text.replace("'", apostrophe)) == sung(text)


@pytest.mark.parametrize(("language", "text", "phones"), [row for row in rows(TEXTS) if "[" not in row[1]][::4])
def test_talk_reads_the_same(language: str, text: str, phones: str) -> None:
    assert spoken(text, language)[0] == phones


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("люблю тебя", "Cyrillic script (Russian"),
        ("\u03c3'\u03b1\u03b3\u03b1\u03c0\u03ce", "Greek script"),
        ("حبيبي", "Arabic script"),
        ("שלום", "Hebrew script"),
        ("ความรัก", "Thai script"),
        ("प्यार", "Devanagari script"),
        ("სიყვარული", "Georgian script"),
        ("სიყვარული love", "Georgian script"),
    ],
)
def test_unreadable_scripts_are_named_once(text: str, script: str) -> None:
    for phones, notices in (sung(text), spoken(text + " la")):
        named = [sentence for sentence in notices if "no pronunciation rules" in sentence]
        assert len(named) == 1 and script in named[0] and "[" in named[0], notices
        assert "TH" not in phones
    assert unreadable_script("love 愛") == ""


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("love ♪", "♪"),
        ("a → b", "→"),
        ("§ 5", "§"),
        ("love™ you", "™"),
        ("a < b", "<"),
        ("x \ue123 y", "\ufffd"),
        ("€", "€"),
        ("👍 yes", "👍"),
    ],
)
def test_unreadable_signs_are_named(text: str, signs: str) -> None:
    for _, notices in (sung(text + " la"), spoken(text + " la")):
        assert [sentence for sentence in notices if signs in sentence and "left out" in sentence], notices


@pytest.mark.parametrize("text", ["la~~ la", "«la» — la…", "*la* (la)", "5 % & 5 + 5", "$5 £5 5 €", "a_b", "la|la"])
def test_signs_that_are_read_or_only_drawn_are_not(text: str) -> None:
    assert sung(text)[1] == ()


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("stop the first mrs astray", "stop the first mrs astray"),
        ("Drive St. Ives to Elm St. now", "Drive saint Ives to Elm street now"),
        ("the 21st St. is here", "the 21st street is here"),
        ("call 555 123 4567", "call 555 123 4567"),
        ("3.142 and 12.500 and 1.234.567", "3.142 and 12500 and 1234567"),
        ("1'000 and 0.000", "1000 and 0.000"),
        ("$1984 in 1984", " one thousand nine hundred eighty four dollars  in 1984"),
        ("$1.2 million", " 1 point 2 million dollars "),
        ("$0.99 ¥500 5 $", " 99 cents   500 yen   5 dollars "),
        ("5 in the morning, 5 a day", "5 in the morning, 5 a day"),
        ("1.5 km at 1 mph", "1.5 kilometers at 1 mile an hour"),
        ("live[L AY1 V] 5 km[K M]", "live[L AY1 V] 5 kilometers[K M]"),
        ("3:16 and 1:2:03", "3 16 and 1:2:03"),
        ("2 × 3 = 6", "2 times 3 equals 6"),
    ],
)
def test_spelled_out(text: str, spelled: str) -> None:
    assert spell_out(text).split() == spelled.split()


def test_spelling_out_twice_changes_nothing_more() -> None:
    for language, text, *_ in [*rows(TEXTS), *rows(EUROPEAN_TEXTS)]:
        rules = language_for(language)
        assert rules is not None
        once = rules.spell_out(text)
        assert rules.spell_out(once).split() == once.split()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "零"),
        (10, "十"),
        (12, "十二"),
        (105, "一百零五"),
        (110, "一百一十"),
        (1005, "一千零五"),
        (2026, "二千零二十六"),
        (10000, "一万"),
        (10005, "一万零五"),
        (100000, "十万"),
        (20_000_000, "二千万"),
        (100_000_001, "一亿零一"),
    ],
)
def test_chinese_numbers(number: int, said: str) -> None:
    assert cardinal(str(number)) == said


def test_words_are_cut_where_the_script_changes() -> None:
    assert parts_by_script("我爱you123") == ("我爱", "you123")
    assert parts_by_script("Tシャツ") == ("T", "シャツ") and parts_by_script("3D映画") == ("3D", "映画")
    assert parts_by_script("愛してる") == ("愛してる",) and parts_by_script("吃おいしい吧", apart=True) == (
        "吃",
        "おいしい",
        "吧",
    )
    assert parts_by_script("laー") == ("laー",)


@pytest.mark.parametrize(
    ("text", "language", "phones"),
    [
        ("live[L AY1 V] live[l ih1 v]", "en", "L AY V . L IH V"),
        ("*Live[L AY1 V]* [HH EY1]", "en", "L AY V . HH EY"),
        ("我去银行[yin2 hang2]吧", "zh", "uo . q v . in . h ang . b a"),
        ("私の明日[あす]を", "ja", "w a . t a . sh i . n o . a . s u . o"),
        ("愛[ai]", "ja", "a . i"),
        ("값이[갑씨]", "ko", "g a P . ssh i"),
        ("行[hong4]", "yue", "h ong"),
        ("爱[AY1]", "zh", "*AY"),
        ("love[L AH1 V]", "ja", "*L AH V"),
    ],
)
def test_hints_in_song_and_talk(text: str, language: str, phones: str) -> None:
    assert sung(text, language) == (phones, ()) == spoken(text, language)


def test_invalid_hints_report_the_valid_notations() -> None:
    for read in (sung, spoken):
        heard, notices = read("我[q o3]", "zh")
        assert heard == "uo" and "is not used" in notices[0] and "pinyin" in notices[0]


@needs_espeak
def test_hints_in_ipa() -> None:
    assert sung("Liebe[ˈliːbə]", "de") == ("l iː . b ə", ()) == spoken("Liebe[ˈliːbə]", "de")
    assert sung("Liebe[L IY1 B AH0]", "de")[0] == "*L IY . B AH"


def test_a_character_without_a_japanese_reading_is_named() -> None:
    assert "\u4e1c" in sung("\u4e1c\u4eac\u30bf\u30ef\u30fc", "ja")[1][0]


def test_an_aside_in_brackets_is_spoken_and_no_hint() -> None:
    assert spoken("this [whispering] thing") == ("DH IH S . W IH . S P ER . IH NG . TH IH NG", ())
    heard, notices = spoken("live[XX] now")
    assert heard == "L AY V . N AW" and "is not used" in notices[0]


def test_a_users_dictionary_in_every_language(tmp_path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("银行 yin2 hang2\n明日 あす\nKathleen K AE1 TH L IY0 N # as she says it\n한국 한국\n", encoding="utf-8")
    own = read_user_dictionary(path)
    for read in (sung, spoken):
        assert read("我去银行吧", "zh", own)[0] == "uo . q v . in . h ang . b a"
        assert read("私の明日を", "ja", own)[0] == "w a . t a . sh i . n o . a . s u . o"
        assert read("kathleen", "en", own)[0] == "K AE TH . L IY N"
        assert read("한국", "ko", own)[0] == "h a N . g u K"
    path.write_text("love l ovv\n", encoding="utf-8")
    with pytest.raises(LyricError, match="own.txt, line 1"):
        read_user_dictionary(path)


def test_codes_and_names_of_languages() -> None:
    assert all(language_for(code) is not None and language_for(code).code == code for code in LANGUAGES)  # type: ignore[union-attr]
    assert [language_code(tag) for tag in ("pt-BR", "zh_CN", "cmn", "zh-HK", "DE", "pl", "", "xx")] == [
        "pt", "zh", "zh", "yue", "de", None, None, None,
    ]  # fmt: skip
    assert language_name("pl-PL") == "Polish ('pl-PL')" and language_name("zz") == "'zz'"


def test_a_language_without_rules_is_named() -> None:
    _, notices = sung("dom", "pl")
    assert "Polish ('pl')" in notices[0] and "English rules" in notices[0] and "de" in notices[0]


@needs_espeak
@pytest.mark.parametrize("code", [code for code, row in LANGUAGES.items() if row.espeak_voice])
def test_every_sound_has_english_phones(code: str) -> None:
    _, laid = spread_text(
        "Agnus Bruder chanson niño mañana gli coração Pfütze Mutter schön yeux œuvre nuit lluvia zwei", language=code
    )
    syllables = [syllable for note in laid.notes for syllable in note.syllables]
    assert len(syllables) > 20
    assert all(phone.language == "en" for syllable in syllables for phone in to_english_phones(syllable).phones)


@pytest.mark.parametrize("language", ["en", "ja", "ko"])
def test_characters_without_a_japanese_reading_are_chinese(language: str) -> None:
    phones, notices = sung("안녕 love 你好 きみ", language)
    assert phones == "*ko/a ko/N . ko/n ko/yeo ko/NG . L AH V . zh/n zh/i . zh/h zh/ao . ja/k ja/i . ja/m ja/i"
    assert notices == ("'你好' has no Japanese reading and is read as Mandarin.",)
    assert sung("東京 きみ", language)[0].startswith("t o . o . ky o" if language == "ja" else "*ja/t ja/o")
