"""Numbers, units, money and signs in German, French, Spanish, Italian, Portuguese and Latin. eSpeak NG reads the numbers themselves."""

from __future__ import annotations

import re

from .written import CLOCK, outside_brackets, with_money, with_units, without_grouping

_CODES = "de fr es it pt".split()
_ROWS = {
    "km": "Kilometer|kilomètres|kilómetros|chilometri|quilómetros",
    "km/h": "Kilometer pro Stunde|kilomètres à l'heure|kilómetros por hora|chilometri all'ora|quilómetros por hora",
    "kg": "Kilogramm|kilos|kilogramos|chili|quilos",
    "g": "Gramm|grammes|gramos|grammi|gramas",
    "m": "Meter|mètres|metros|metri|metros",
    "cm": "Zentimeter|centimètres|centímetros|centimetri|centímetros",
    "mm": "Millimeter|millimètres|milímetros|millimetri|milímetros",
    "°C": "Grad Celsius|degrés Celsius|grados Celsius|gradi Celsius|graus Celsius",
    "° C": "Grad Celsius|degrés Celsius|grados Celsius|gradi Celsius|graus Celsius",
    "°": "Grad|degrés|grados|gradi|graus",
    "%": "Prozent|pour cent|por ciento|per cento|por cento",
    "€": "Euro|euros|euros|euro|euros",
    "$": "Dollar|dollars|dólares|dollari|dólares",
    "£": "Pfund|livres|libras|sterline|libras",
    "¥": "Yen|yens|yenes|yen|ienes",
    "₩": "Won|wons|wones|won|wons",
    "₹": "Rupien|roupies|rupias|rupie|rupias",
    "&": "und|et|y|e|e",
    "+": "plus|plus|más|più|mais",
    "=": "gleich|égale|igual a|uguale|igual a",
    ",": "Komma|virgule|coma|virgola|vírgula",
    "n°": "Nummer |numéro |número |numero |número ",
    ":": "Uhr|heures|y|e|e",
}
_WORDS = {code: {sign: row.split("|")[i] for sign, row in _ROWS.items()} for i, code in enumerate(_CODES)}
_WORDS["la"] = {"&": "et"}
# As written before a name or a number, and in full.
_ABBREVIATIONS = {
    "de": "Dr. Doktor|Prof. Professor|Hr. Herr|Fr. Frau|St. Sankt|Nr. Nummer|usw. und so weiter|z.B. zum Beispiel|bzw. beziehungsweise",
    "fr": "M. monsieur|Mme madame|Mlle mademoiselle|Dr docteur|St. saint|Ste. sainte|etc. et cetera",
    "es": "Sr. señor|Sra. señora|Srta. señorita|Dr. doctor|Dra. doctora|Sto. santo|Sta. santa|etc. etcétera",
    "it": "Sig. signor|Sig.ra signora|Dott. dottor|Dr. dottor|S. san|ecc. eccetera",
    "pt": "Sr. senhor|Sra. senhora|Dr. doutor|Dra. doutora|Sto. santo|Sta. santa|etc. etcétera",
}
_FULL_FORMS = {
    code: [
        (re.compile(rf"(?<![\w.]){re.escape(short)}(?!\w)"), full)
        for short, full in (pair.split(" ", 1) for pair in row.split("|"))
    ]
    for code, row in _ABBREVIATIONS.items()
}
_UNITS = tuple(sign for sign in _ROWS if sign not in ("€", "$", "£", "¥", "₩", "₹", "&", "+", "=", ",", "n°", ":"))
_DECIMAL = re.compile(r"(?<![\w.,])(\d+)[.,](\d+)(?![\w.,:]*\d)")


# The first ten ordinals of languages that write them with a raised letter, masculine; -a for the feminine.
_ORDINALS = {
    "es": "primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo".split(),
    "it": "primo secondo terzo quarto quinto sesto settimo ottavo nono decimo".split(),
    "pt": "primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono décimo".split(),
}
_RAISED = re.compile(r"(?<![\w.,])(\d{1,2})\.?([ºªoa])(?!\w)")  # normalised text has plain letters
_FRENCH_ORDINAL = re.compile(r"(?<![\w.,])(\d+)(?:i?[eè]mes?|es?|nde?)(?!\w)")
_FRENCH_FIRST = re.compile(r"(?<![\w.,])1(?:re|ère)(?!\w)")
_FRENCH_HOURS = re.compile(r"(?<![\w.,])([01]?\d|2[0-4])\s?h\s?([0-5]\d)?(?!\w)")
_GERMAN_TO_19 = (
    "null|erste|zweite|dritte|vierte|fünfte|sechste|siebte|achte|neunte|zehnte|elfte|zwölfte|dreizehnte|vierzehnte|fünfzehnte|"
    "sechzehnte|siebzehnte|achtzehnte|neunzehnte"
).split("|")
_GERMAN_ONES = "|einund|zweiund|dreiund|vierund|fünfund|sechsund|siebenund|achtund|neunund".split("|")
_GERMAN_TENS = "||zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig".split("|")
_MONTHS = "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember".split()
_GERMAN_ORDINAL = re.compile(
    rf"(?:\b(?P<article>[Aa]m|[Ii]m|[Zz]um|[Vv]om|[Bb]eim|[Dd](?:er|ie|as|en|em|es)|[Ss]eit|[Aa]b|[Bb]is)\s+)?(?<![\w.,])(?P<number>[1-9]\d?)\."
    rf"(?=\s+(?P<follows>(?:{'|'.join(_MONTHS)})\b|[A-ZÄÖÜ]))"
)


def spell_out(text: str, code: str) -> str:
    """Return text with the signs at its numbers in words: "5 km, 3,5 %" → "5 Kilometer, 3 Komma 5 Prozent"."""
    return outside_brackets(text, lambda part: _spell_out(_in_full(part, code), code))


def _in_full(text: str, code: str) -> str:
    """Return text with abbreviations in full. Only whole words, case-sensitive."""
    for pattern, full in _FULL_FORMS.get(code, ()):
        text = pattern.sub(full, text)
    return text


def _with_ordinals(text: str, code: str) -> str:
    """Return text with ordinals (3. Mai, 2e, 1º) and French hours (21h30) in words. Ordinals beyond the tables stay numbers."""
    if code == "fr":
        text = _FRENCH_HOURS.sub(
            lambda match: f"{match[1]} heure{'s' * (match[1] != '1')} {(match[2] or '').lstrip('0')}".rstrip(), text
        )
        text = _FRENCH_FIRST.sub("première", text)
        return _FRENCH_ORDINAL.sub(lambda match: f"{match[1]}ème" if match[1] != "1" else match[0], text)
    if code == "de":
        return _GERMAN_ORDINAL.sub(_say_german, text)
    return _RAISED.sub(lambda match: _say_raised(match, _ORDINALS[code]), text) if code in _ORDINALS else text


def _say_raised(match: re.Match[str], ordinals: list[str]) -> str:
    number = int(match[1])
    if not 1 <= number <= len(ordinals):
        return match[1]
    said = ordinals[number - 1]
    return said[:-1] + "a" if match[2] in "ªa" else said


def _say_german(match: re.Match[str]) -> str:
    article, number = match["article"], int(match["number"])
    is_date = match["follows"] in _MONTHS
    if not article and not is_date:
        return match[0]  # the end of a sentence, or the number of a list
    ones, tens = number % 10, number // 10
    said = _GERMAN_TO_19[number] if number < 20 else f"{_GERMAN_ONES[ones]}{_GERMAN_TENS[tens]}ste"
    ending = "r" if not article else "" if article.lower() in ("der", "die", "das") else "n"
    return f"{f'{article} ' if article else ''}{said}{ending}"


def _spell_out(text: str, code: str) -> str:
    words = _WORDS.get(code, {})
    if any(c.isdecimal() for c in text) and ":" in words:
        text = _with_ordinals(text, code)
        text = without_grouping(text, is_dot_decimal=False)
        text = re.sub(r"(?<!\w)[nN]°\s?(?=\d)", words["n°"], text)
        text = with_units(text, {unit: words[unit] for unit in _UNITS}, lambda number, unit: f"{number} {words[unit]}")
        text = with_money(text, lambda sign, number, _: f"{number} {words[sign]}")
        text = CLOCK.sub(lambda match: f"{match[1]} {words[':']}{'' if match[2] == '00' else ' ' + match[2].lstrip('0')}", text)
        text = re.sub(rf"({words[':']}(?: \d+)?) {words[':']}(?!\w)", r"\1", text)  # 7:30 Uhr
        text = _DECIMAL.sub(rf"\1 {words[',']} \2", text)
        text = re.sub(r"(?<=\d)\s?([+=])\s?(?=\d)", lambda match: f" {words[match[1]]} ", text)
    return re.sub(r"(?<=[\w\s])&(?=[\w\s])", f" {words['&']} ", text) if "&" in words else text
