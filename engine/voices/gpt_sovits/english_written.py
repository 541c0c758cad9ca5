"""Written English to words and the marks . , ! ? -: numbers, money, dates, times, units, addresses, abbreviations.

The readings are those of the official program's normaliser, except where it says something else than is written or drops it;
docs/gpt-sovits.md lists these places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from .english_numbers import cardinal, count, decimal, digits, money, ordinal, plural

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_MONTHS = "January February March April May June July August September October November December".split()
_GROUPED = r"\d{1,3}(?:,\d{3})+(?!\d)|\d+"
_AMOUNT = rf"(?:{_GROUPED})(?:\.\d+)?"
_SCALE = r"(?:\s(thousand|million|billion|trillion)\b)?"
_MONEY = {
    "$": (("dollar", "dollars"), ("cent", "cents")),
    "\u00a3": (("pound", "pounds"), ("penny", "pence")),
    "\u20ac": (("euro", "euros"), ("cent", "cents")),
    "\u00a5": (("yen", "yen"), ("sen", "sen")),
}
_SIGNS = "".join(map(re.escape, _MONEY))
_UNITS = {
    "km/h": "kilometer per hour", "m/s": "meter per second", "mph": "mile per hour", "km": "kilometer", "cm": "centimeter",
    "mm": "millimeter", "m": "meter", "ft": "foot", "lbs": "pound", "lb": "pound", "oz": "ounce", "kg": "kilogram", "mg": "milligram",
    "g": "gram", "ml": "milliliter",
    "L": "liter", "tbsp": "tablespoon", "tsp": "teaspoon", "hrs": "hour", "hr": "hour", "h": "hour", "mins": "minute", "min": "minute",
    "secs": "second", "sec": "second", "ms": "millisecond", "s": "second", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz",
    "Hz": "hertz", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "kW": "kilowatt", "dB": "decibel",
    "km\u00b2": "kilometer squared", "cm\u00b2": "centimeter squared", "m\u00b2": "meter squared", "m\u00b3": "meter cubed",
    "bpm": "beat per minute", "BPM": "beat per minute", "\u00b0C": "degree celsius", "\u00b0F": "degree fahrenheit", "\u00b0": "degree",
}  # fmt: skip
_MANY = {"foot": "feet", "kilohertz": "kilohertz", "megahertz": "megahertz", "gigahertz": "gigahertz", "hertz": "hertz"}
_TOUCHING = ("m", "g", "h", "s", "L", "\u00b0")  # letters and signs too short to be a unit behind a space
_UNIT = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "prof": "professor", "rev": "reverend", "gen": "general", "capt": "captain",
    "sgt": "sergeant", "lt": "lieutenant", "col": "colonel", "gov": "governor", "sen": "senator", "hon": "honorable",
    "mt": "mount", "ft": "fort",
}  # fmt: skip
_STREETS = {"dr": "drive", "st": "street", "ave": "avenue", "blvd": "boulevard", "rd": "road", "ln": "lane", "hwy": "highway"}
_SHORT = {
    "vs": "vs", "jr": "junior", "sr": "senior", "dept": "department", "approx": "approximately", "inc": "incorporated", "ltd": "limited",
    "co": "company", "corp": "corporation", "est": "established", "fig": "figure", "vol": "volume", "feat": "featuring",
}  # fmt: skip
_SIGN_NAMES = {
    "@": "at",
    "&": "and",
    "+": "plus",
    "=": "equals",
    "\u00d7": "times",
    "\u00f7": "divided by",
    "%": "percent",
    "#": "number",
}
_OPERATORS = {
    "+": "plus",
    "-": "minus",
    "\u2212": "minus",
    "\u00d7": "times",
    "\u00f7": "divided by",
    "=": "equals",
    "*": "times",
}
_POWERS = {"\u00b2": "squared", "\u00b3": "cubed"}
_MARKS = str.maketrans(
    {
        **dict.fromkeys("；;，、\u00b7", ","), "：": ":", "。": ".", "！": "!", "？": "?", "\u2019": "'", "\u2018": "'", "\u2026": "...",
        **dict.fromkeys("\u2013\u2014\u2015", " - "), "\u00a0": " ", "\u202f": " ", "\n": " . ", "\u00ad": "",
    }
)  # fmt: skip
_SILENT = frozenset("\"'()[]{}<>*_~`|\\/^\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d\u00a1\u00bf\u2022\u00ae\u2122\u00a9")


def _said(pattern: str, say: Callable[[re.Match[str]], str], flags: int = 0) -> Rule:
    """Return a rule whose result is set off by spaces."""
    return re.compile(pattern, flags), lambda match: f" {say(match)} "


def _whole(text: str) -> int:
    return int(text.replace(",", ""))


def _number(text: str) -> str:
    plain = text.replace(",", "")
    if "." in plain:
        return decimal(plain)
    return count(int(plain)) if text == plain else cardinal(int(plain))


def _time(match: re.Match[str]) -> str:
    hour, minute, half = int(match[1]), int(match[2]), match[3]
    half = ("a" if half[0] in "aA" else "p") if half else "a" if hour < 12 else "p"
    hour = hour - 12 if hour > 12 else hour
    minutes = f"{'oh ' if minute < 10 else ''}{count(minute)}" if minute else "o'clock"
    if match[3] and not minute:
        minutes = ""
    return f"{count(hour)} {minutes} {_half_of_day(half)}"


def _half_of_day(letter: str) -> str:
    return f"{letter.upper()} M"


def _amount(sign: str, number: str, scale: str | None) -> str:
    unit, part = _MONEY[sign]
    if scale:
        return f"{_number(number)} {scale} {unit[1]}"
    return money(number.replace(",", ""), unit, part)


def _measured(match: re.Match[str]) -> str:
    number, unit = match[1], _UNITS[match[3]]
    if match[2] and match[3] in _TOUCHING:
        return match[0]
    name, *rest = unit.split(" ")
    if number != "1":
        name = _MANY.get(name) or f"{name}s"
    return f"{_number(number)} {' '.join([name, *rest])}"


def _fraction(match: re.Match[str]) -> str:
    above, below = int(match[1]), int(match[2])
    if (match[1], match[2]) == ("24", "7"):
        return "twenty-four seven"
    if below == 0:
        return f"{count(above)} over zero"
    if below == 1:
        return count(above)
    if above == below:
        return f"{count(above)} {count(below)}"
    part = ("half", "halves")[above != 1] if below == 2 else ordinal(below) + "s" * (above > 1)
    return f"{cardinal(above)} {part}"


def _fraction_of(match: re.Match[str]) -> str:
    return f"{match[1]} {_UNITS[match[2]]}"


def _calendar(match: re.Match[str]) -> str:
    month, day = int(match[1]), int(match[2])
    if month > 12 or not 1 <= day <= 31 or not month:
        return match[0]
    return f"{_MONTHS[month - 1]} {ordinal(day)}, {count(int(match[3]))}"


def _decade(match: re.Match[str]) -> str:
    *first, last = re.split(r"([ -])", count(int(match[1])))
    return "".join([*first, plural(last)])


def _address(match: re.Match[str]) -> str:
    said = re.sub(r"^https?://", "", match[0])
    for sign, name in (("@", "at"), (".", "dot"), ("/", "slash"), ("_", "underscore"), (":", "colon")):
        said = said.replace(sign, f" {name} ")
    return said


def _title(match: re.Match[str]) -> str:
    return _TITLES[match[1].lower()] if match[1][0].isupper() else match[0]


def _initials(match: re.Match[str]) -> str:
    return " ".join(match[0].replace(".", "").upper())


_RULES: tuple[Rule, ...] = (
    _said(r"(?i)\bi\.\s?e\.(?!\w)", lambda m: "that is"),
    _said(r"(?i)\be\.\s?g\.(?!\w)", lambda m: "for example"),
    _said(r"(?:https?://|www\.)[\w./@:-]*\w|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
    _said(r"\b[a-z][\w-]*(?:\.[a-z][\w-]*)*\.(?:com|org|net|io|edu|gov|info|app|dev|tv)\b(?:/[\w./-]*\w)?", _address),
    # Abbreviations
    _said(r"(?<=[a-z]\s)(Dr|St|Ave|Blvd|Rd|Ln|Hwy)\b\.?(?!\.)(?=\s*(?:[,!?]|$|in\b|at\b|and\b|is\b|near\b|[A-Z][a-z]+,?\s[A-Z]{2}\b))",
          lambda m: _STREETS[m[1].lower()]),
    _said(r"\bDr\.?(?=\s+[A-Z])", lambda m: "doctor"),
    _said(r"\bSt\.(?=\s+[A-Z])", lambda m: "saint"),
    _said(rf"(?i)\b({'|'.join(_TITLES)})\.(?-i:(?=\s+[A-Z]))", _title),
    _said(r"(?i)\b(mr|mrs|ms|dr)\.", lambda m: {"dr": "doctor"}.get(m[1].lower()) or _TITLES[m[1].lower()]),
    _said(r"\b[Nn]os?\.\s*(?=\d)", lambda m: "number"),
    _said(r"#(?=\d)", lambda m: "number"),
    _said(rf"(?i)\b({'|'.join(_SHORT)})\.(?=\s*(?:[a-z,]|$))", lambda m: _SHORT[m[1].lower()]),
    _said(r"(?<=\d)\s?([AaPp])\.?\s?[Mm]\b\.?(?=\s+[a-z]|\s*[,!?]|\s*$)(?<!:\d\d)", lambda m: _half_of_day(m[1])),
    # Dates and times
    _said(r"\b(\d{1,2})/(\d{1,2})/((?:19|20)\d\d)\b", _calendar),
    _said(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", lambda m: "-".join(count(int(part)) for part in m.groups())),
    _said(r"\b([01]?\d|2[0-3]):([0-5]\d)(?:\s?([AaPp]\.?\s?[Mm])\b\.?)?(?![:\d])", _time),
    _said(r"(?<=\d)\s?([AaPp])\.?\s?[Mm]\b\.?", lambda m: _half_of_day(m[1])),
    _said(r"(?<![\d.,])'?((?:1[1-9]|20)\d0)'?s\b", _decade),
    _said(r"(?:(?<=the )|(?<=early )|(?<=late )|(?<=mid-)|(?<=')|(?<=\u2019))([2-9]0)'?s\b", _decade),
    # Telephones
    _said(r"(?<![\d-])(?:\+\d{1,3}[\s-])?(?:\(\d{3}\)\s?|\d{3}[-.])\d{3}[-.]\d{4}(?![\d-])|(?<![\d-])\d{3}-\d{4}(?![\d-])",
          lambda m: ", ".join(digits(part) for part in re.findall(r"\d+", m[0]))),
    # Money and measures
    _said(rf"([{_SIGNS}])\s?({_AMOUNT}){_SCALE}", lambda m: _amount(m[1], m[2], m[3])),
    _said(rf"({_AMOUNT})\s?([{_SIGNS}]){_SCALE}", lambda m: _amount(m[2], m[1], m[3])),
    _said(r"\b(\d+)\s?\u00a2", lambda m: f"{count(int(m[1]))} {'cent' if m[1] == '1' else 'cents'}"),
    _said(rf"(?:(?<=\s)|^)[-\u2212](?=(?:\d|[{_SIGNS}]))", lambda m: "negative"),
    _said(rf"(?<![\d/])(\d{{1,4}}/\d{{1,4}})\s?({_UNIT})(?![\w/])", _fraction_of),
    _said(rf"(?<![\w./])({_AMOUNT})(\s?)({_UNIT})(?![\w/])", _measured),
    _said(r"(?:(?<=[\d)])|(?<=\b[a-zA-Z]))\s([+\u00d7\u00f7=*])\s(?=[\d(]|\b[a-zA-Z]\b)", lambda m: _OPERATORS[m[1]]),
    _said(r"(?<=[\d)])\s([-\u2212])\s(?=[\d(])", lambda m: _OPERATORS[m[1]]),
    _said(r"(?<=\d)([+\u00d7\u00f7=])(?=\d)", lambda m: _OPERATORS[m[1]]),
    _said("(?<=\\w)[\u00b2\u00b3]", lambda m: _POWERS[m[0]]),
    # Numbers
    _said(r"(?<![\d/])(\d{1,4})/(\d{1,4})(?![\d/])", _fraction),
    _said(r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1])), re.IGNORECASE),
    _said(r"(?:(?<=^)|(?<=\n))\s*(\d+)\.(?=\s+\D)", lambda m: f"{ordinal(int(m[1]))},"),
    _said(r"(?<=[.!?])\s+(\d{1,2})\.(?=\s+[A-Z])", lambda m: f"{ordinal(int(m[1]))},"),
    _said(r"\d+(?:\.\d+){2,}", lambda m: " point ".join(count(int(part)) for part in m[0].split("."))),
    _said(rf"(?:{_GROUPED})\.\d+", lambda m: _number(m[0])),
    _said(r"(?<!\d)\.\d+", lambda m: f"point {digits(m[0])}"),
    _said(_GROUPED, lambda m: _number(m[0])),
    _said(r"(?<=\w)\+\+", lambda m: "plus plus"),
    _said(f"[{re.escape(''.join(_SIGN_NAMES))}]", lambda m: _SIGN_NAMES[m[0]]),
    _said(r"\b(?:[A-Za-z]\.){2,}(?:[A-Za-z]\b)?", _initials),
)  # fmt: skip


def figures_in_words(text: str) -> str:
    """Return running text with figures, signs, addresses and abbreviations in words; everything else stays as written."""
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return text


def spelled_out(text: str) -> tuple[str, str]:
    """Return the words to be said, and the signs of `text` that no rule reads."""
    text = unicodedata.normalize("NFC", text).translate(_MARKS)
    if text.isupper() and len(re.findall(r"[A-Z]{2,}", text)) > 1:
        text = text.lower()  # shouted, not spelled
    text = "".join(unicodedata.normalize("NFKC", c) if "\uff00" <= c <= "\uffef" else c for c in text)
    text = figures_in_words(text).replace(":", " , ")
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    kept, unread = "", ""
    for character in plain:
        if character.isascii() and (character.isalpha() or character in " '.,?!-"):
            kept += character
        elif letters := _FOREIGN_LETTERS.get(character.lower()):
            kept += letters
        else:
            kept += " "
            unread += "" if character.isspace() or character in _SILENT or character in unread else character
    # A capital begins a word of its own, so GPT is three letters and YouTube two words.
    kept = re.sub(r"(?<=[^\s])([A-Z])", r" \1", kept)
    return re.sub(r"\s+", " ", kept).strip(), unread


_FOREIGN_LETTERS = {
    "\u00df": "ss",
    "\u00e6": "ae",
    "\u0153": "oe",
    "\u00f8": "o",
    "\u0142": "l",
    "\u0111": "d",
    "\u00f0": "th",
    "\u00fe": "th",
}
