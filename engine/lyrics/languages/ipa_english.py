"""Nearest ARPAbet phones of IPA symbols, for voices that have English only."""

from __future__ import annotations

# A phone with a vowel has its nucleus at the first vowel of the row.
FROM_IPA = {
    # vowels; long and close e and o are the English diphthongs, short ones the pure vowels
    "a": "AA", "aː": "AA", "ɑ": "AA", "ɑː": "AA", "ɐ": "AH", "e": "EH", "eː": "EY", "ɛ": "EH", "ɛː": "EH", "i": "IY", "iː": "IY", "ɪ": "IH",
    "o": "OW", "oː": "OW", "ɔ": "AO", "ɔː": "AO", "u": "UW", "uː": "UW", "ʊ": "UH", "y": "Y UW", "yː": "Y UW", "ʏ": "UH", "ø": "ER",
    "øː": "ER", "œ": "ER", "ə": "AH", "ɜ": "ER", "ɨ": "IH", "ʌ": "AH", "æ": "AE",
    # diphthongs
    "aɪ": "AY", "aʊ": "AW", "ɔø": "OY", "ɔɪ": "OY", "eɪ": "EY", "oɪ": "OY", "oʊ": "OW", "eʊ": "EH W", "iʊ": "Y UW", "uɪ": "W IY",
    "ʊɐ": "UH R", "ɛɐ": "EH R", "iə": "IY R", "uə": "UH R", "eə": "EH R",
    # nasal vowels: with the consonant that English has for them
    "ɑ̃": "AA N", "ɛ̃": "AE N", "ɔ̃": "AO N", "œ̃": "AH N", "ɐ̃": "AH N", "ẽ": "EY N", "ĩ": "IY N", "õ": "OW N", "ũ": "UW N",
    "ɐ̃ʊ̃": "AW N", "ɐ̃ɪ̃": "AY N", "õɪ̃": "OY N",
    # consonants
    "b": "B", "c": "K", "d": "D", "f": "F", "h": "HH", "j": "Y", "k": "K", "l": "L", "m": "M", "n": "N", "p": "P", "r": "R", "s": "S",
    "t": "T", "v": "V", "w": "W", "x": "HH", "z": "Z", "ç": "HH", "ð": "DH", "ŋ": "NG", "ɡ": "G", "ɣ": "G", "ɥ": "W", "ɲ": "N Y",
    "ɹ": "R", "ɾ": "R", "ʀ": "R", "ʁ": "R", "ʃ": "SH", "ʎ": "L Y", "ʒ": "ZH", "ʝ": "Y", "ʔ": "", "β": "B", "θ": "TH", "χ": "HH", "ɫ": "L",
    "ts": "T S", "dz": "D Z", "tʃ": "CH", "dʒ": "JH", "pf": "P F",
}  # fmt: skip
# In a coda, where English lacks the consonant of `FROM_IPA`.
FROM_IPA_CODA = {"x": "K", "χ": "K", "ç": "SH", "ɲ": "N", "ʎ": "L", "ɥ": "Y"}
