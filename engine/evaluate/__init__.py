"""Measurements of stems against scores and recordings.

    accuracy.py     pitch, timing and voicing of a stem against its notes
    f0_track.py     F0 of a stem
    plot.py         the same as a picture
    voice_match.py  nearest colour of a voice to a recording

May import every room of the engine but train.
"""
