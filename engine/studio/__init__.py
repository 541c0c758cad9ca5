"""Recordings: made into voices, and measured against scores.

    align.py    where each phone of a text lies                    follow.py   how well a stem follows its notes
    dataset.py  recordings to training features                    picture.py  the same as a picture
    training/   the stages and their loop             likeness.py how near a voice can come to a recording
    recipe.py   one config file, checked              train.py    recipe and recordings to a voice's folder
    proof.py    curves and a sung line after training

May import every room of the engine.
"""
