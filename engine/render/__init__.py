"""Rendering: from a score to samples of a whole song.

    plan.py          score and words to performances, a track for each stem
    render.py        performances to blocks of samples         phrase_cache.py  rendered phrases by their content
    pacing.py        durations of lines at a voice's own pace  labels.py        phones with times
    script.py        DiffSinger scripts and scores with words  phonemes.py      phonemes of a text

Input: a `Score` (or text), a `Voice`, settings. Output: a `Plan`, then blocks. Memory does not grow with the length of the song. May
import every room of the engine but evaluate and train.
"""
