"""Stems: WAV files with a time stamp and a synthetic-voice label, made of blocks of samples.

`naming` makes file names, `riff` the header chunks, `wav` the file; `fx` applies effects.
"""
