"""Stems: what a song becomes on disk. Blocks of samples come in, WAV files with a time stamp and a label go out.

`naming` makes file names, `riff` the chunks around the samples, `wav` the file, `fx` the sound of a finished vocal.
"""
