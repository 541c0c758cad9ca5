"""Voices: one folder of code for each kind, and the parts that all kinds share.

    types.py      protocols that every voice fulfils         card.py          cards, their checks and checksums
    catalogue.py  installed voices by name                   kinds.py         registry of kinds
    load.py       loads a voice of any kind                  units.py         acoustic units of a phone
    articulation.py  phones to units, effort and voicing     source_filter.py  pulse train, noise and filters in torch
    starter/      GPT, decoder and source-filter synthesiser in NumPy
    gpt_sovits/   imported GPT-SoVITS checkpoints
    embedded/     voices of the package: a card and weights each

Input: a voice folder. Output: a `Voice`, which turns a `Performance` into samples. Nothing in a voice folder is executed. May import
engine.score, engine.lyrics, engine.performance, engine.dsp, engine.errors. The kinds do not import each other.
"""
