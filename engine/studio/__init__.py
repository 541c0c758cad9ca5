"""Recordings: made into voices, and measured against scores.

    align.py    where each phone of a text lies                    follow.py   how well a stem follows its notes
    dataset.py  recordings to training features                    picture.py  the same as a picture
    train.py    the training loop
    recipe.py   one config file to one voice folder

May import every room of the engine.
"""
