"""Numbers with their signs, abbreviations and clipped words in running English, before it is split into words.

Libraries read neither years as years nor 808 as eight oh eight, so that the rules are our own; cardinals are short (`english_numbers`).
"""

from __future__ import annotations

import re

from .english_numbers import cardinal_words, number_words
from .written import CLOCK, outside_brackets, with_money, with_units, without_grouping

# Sign: singular, plural.
_UNITS = {
    "km": ("kilometer", "kilometers"),
    "km/h": ("kilometer an hour", "kilometers an hour"),
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "m": ("meter", "meters"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "ml": ("milliliter", "milliliters"),
    "ft": ("foot", "feet"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "mph": ("mile an hour", "miles an hour"),
    "bpm": ("beat per minute", "beats per minute"),
    "BPM": ("beat per minute", "beats per minute"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "dB": ("decibel", "decibels"),
    "GB": ("gigabyte", "gigabytes"),
    "MB": ("megabyte", "megabytes"),
    "kB": ("kilobyte", "kilobytes"),
    "TB": ("terabyte", "terabytes"),
    "ms": ("millisecond", "milliseconds"),
    "sec": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "secs": ("second", "seconds"),
    "hrs": ("hour", "hours"),
    "%": ("percent", "percent"),
    "°": ("degree", "degrees"),
    "°C": ("degree celsius", "degrees celsius"),
    "° C": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "° F": ("degree fahrenheit", "degrees fahrenheit"),
}
# Singular, plural, name of a hundredth.
_MONEY = {
    "$": ("dollar", "dollars", "cents"),
    "£": ("pound", "pounds", "pence"),
    "€": ("euro", "euros", "cents"),
    "¥": ("yen", "yen", ""),
    "₩": ("won", "won", ""),
    "₹": ("rupee", "rupees", "paise"),
}
_SCALES = {"k": "thousand", "m": "million", "bn": "billion"}
_FRACTIONS = {
    "1\u20442": "half",
    "1\u20443": "third",
    "1\u20444": "quarter",
    "2\u20443": "two thirds",
    "3\u20444": "three quarters",
}
_FRACTION = re.compile(r"(\d+ )?(?<!\d)(\d\u2044\d+)(?!\d)")
# Whole words only. The text behind decides if the letters could be a word.
_ABBREVIATIONS = (
    (re.compile(r"\bMr\.(?!\w)", re.IGNORECASE), "mister"),
    (re.compile(r"\bMrs\.(?!\w)", re.IGNORECASE), "missus"),
    (re.compile(r"\bMs\.(?!\w)", re.IGNORECASE), "miz"),
    (re.compile(r"\bDr(?:\.(?!\w)|(?= [A-Z]))"), "doctor"),
    (re.compile(r"\bdr\.(?!\w)"), "doctor"),
    (re.compile(r"(?<=[a-z] )St\.(?!\w| [A-Z])|(?<=\d(?:st|nd|rd|th) )St\.(?!\w)"), "street"),
    (re.compile(r"\bSt(?:\.(?!\w)|(?= [A-Z]))|\bst\.(?!\w)"), "saint"),
    (re.compile(r"\bProf\.(?!\w)"), "professor"),
    (re.compile(r"\bvs\b\.?(?!\w)", re.IGNORECASE), "versus"),
    (re.compile(r"\betc\b\.?(?!\w)", re.IGNORECASE), "etcetera"),
    (re.compile(r"\b(?:feat|ft)\.(?= ?\w)", re.IGNORECASE), "featuring"),
    (re.compile(r"\bNo\. ?(?=\d)"), "number "),
    (re.compile(r"(?<!\w)w/o(?!\w)", re.IGNORECASE), "without"),
    (re.compile(r"(?<!\w)w/(?= )", re.IGNORECASE), "with"),
    (re.compile(r"(?<!\w)b/c(?!\w)", re.IGNORECASE), "because"),
    (re.compile(r"(?<!\w)# ?(?=\d)"), "number "),
    (re.compile(r"(?<=\d)o(?!\w)"), ""),  # 1º, with its raised letter folded
    (re.compile(r"(?<![\w'])([A-G])(?:#|\u266f)(?![\w#])"), r"\1 sharp"),
    (re.compile(r"(?<![\w'])([A-G])\u266d(?!\w)"), r"\1 flat"),
)
_RHYTHM_AND_BLUES = re.compile(r"(?<!\w)R(?:\s?&\s?|[ -]?'?[nN]'?[ -]?| and )B(?!\w)")  # R alone would be a rest
_GROUPED_ORDINAL = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?=(?:st|nd|rd|th|s)(?!\w))")
_AND_CLIPPED = re.compile(r"(?<![\w'])'n'(?![\w'])", re.IGNORECASE)  # rock 'n' roll
_CALCULATION = {"=": "equals", "\u00d7": "times", "\u00f7": "divided by", "\u00b1": "plus or minus", "\u2248": "about"}
_SIGN = re.compile(rf"([{''.join(_CALCULATION)}])\s*(?=[\w$£€])")


def spell_out(text: str) -> str:
    """Return text with ambiguous figures as words: "$3.50 for 5 km" → "three dollars fifty for 5 kilometers"."""
    return outside_brackets(text, _spell_out)


def _spell_out(text: str) -> str:
    for pattern, word in _ABBREVIATIONS:
        text = pattern.sub(word, text)
    text = _RHYTHM_AND_BLUES.sub("RnB", text)
    text = _AND_CLIPPED.sub("'n", text)
    text = _SIGN.sub(lambda match: f" {_CALCULATION[match[1]]} " if match.start() else match[0], text)
    if not any(c.isdecimal() for c in text):
        return text
    text = _FRACTION.sub(_said_fraction, text)
    text = _GROUPED_ORDINAL.sub(lambda match: match[0].replace(",", ""), text)
    text = without_grouping(text, is_dot_decimal=True, said=_say_amount)
    text = with_money(text, _said_money)
    text = with_units(text, {unit: many for unit, (_, many) in _UNITS.items()}, _said_unit)
    text = re.sub(r"(?<![\w.,])(\d+)\s?¢", r"\1 cents", text)
    text = CLOCK.sub(_said_time, text)
    return re.sub(r"(?<![\w'])'(?=\d\ds?\b)", "", text)  # '90s


def _say_amount(digits: str) -> str:
    """Return digits as digits, unless a lyric would read them as a year or digit by digit."""
    words = cardinal_words(digits)
    return digits if number_words(digits) == words else " ".join(words)


def _said_fraction(match: re.Match[str]) -> str:
    whole, fraction = match[1], match[2]
    name = _FRACTIONS.get(fraction)
    if name is None:
        above, below = fraction.split("\u2044")
        ordinal = number_words(f"{below}th")
        name = " ".join([*number_words(above), *ordinal[:-1], ordinal[-1] + "s" * (above != "1")])
        return f"{whole}and {name}" if whole else name
    article = "a " if name[0] in "hq" else "one " if name == "third" else ""
    return f"{whole}and {article.replace('one', 'a')}{name}" if whole else f"{article.replace('a ', 'one ')}{name}"


def _said_money(sign: str, number: str, scale: str) -> str:
    one, many, hundredths = _MONEY[sign]
    whole, _, part = number.replace(",", ".").partition(".")
    if scale:
        amount = f"{_say_amount(whole)} point {part}" if part else _say_amount(whole)
        return f"{amount} {_SCALES.get(scale.lower(), scale)} {many}"
    named = one if whole == "1" else many
    if len(part) != 2 or not hundredths:
        return f"{number.replace(',', '.') if part else _say_amount(whole)} {many if part else named}"
    cents = part.lstrip("0")
    if not cents:
        return f"{_say_amount(whole)} {named}"
    if whole == "0":
        return f"{cents} {hundredths}"
    return f"{_say_amount(whole)} {named} {'oh ' if part[0] == '0' else ''}{cents}"


def _said_unit(number: str, unit: str) -> str:
    one, many = _UNITS[unit]
    number = number.replace(",", ".")
    return f"{number if '.' in number else _say_amount(number)} {one if number == '1' else many}"


def _said_time(match: re.Match[str]) -> str:
    hour, minute = match[1].lstrip("0") or "12", match[2]
    if minute != "00":
        return f"{hour} {minute}"
    is_told = re.match(r"\s*[ap]\.?m\b", match.string[match.end() :], re.IGNORECASE)
    return hour if is_told else f"{hour} hundred" if int(hour) > 12 else f"{hour} o'clock"
