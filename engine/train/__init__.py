"""Recordings to voices.

    recipe.py   one configuration file, checked                train.py    recipe and recordings to a voice folder
    align.py    phones of a text in a recording                dataset.py  recordings to training features
    adapt.py    a pitch adapter for an imported voice          preview.py  curves and a sung line after training
    stages/     the stages of training and their loop

May import every room of the engine.
"""
