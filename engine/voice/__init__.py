"""Voices as folders: a card that says who sings and under what terms, and weights.

    card.py        the card, its checks, checksums             types.py       what every voice can do
    catalogue.py   where voices live, loading one by name      starter.py     the starter voice
    voices/        the voices of the package                   gpt_sovits.py  import of official checkpoints

In: a folder. Out: a `Voice`, which turns a `Performance` into samples. Nothing in a voice folder is ever executed.
May import engine.model, engine.performance, engine.errors.
"""
