"""From a score to samples: the stages put together.

    plan.py    score and words to performances, for every stem     cache.py   rendered phrases by their content
    render.py  performances to blocks of samples                   labels.py  what was sung, with times
    retune.py  speech to a sung phrase                             live.py    a played voice, frame by frame
    pace.py    lines at a voice's own pace                         voices.py  a voice of any kind, by name
    gpt_sovits/  imported voices, which read text

In: a `Score` (or text), a `Voice`, settings. Out: a `Plan`, then blocks. Memory does not grow with the length of the song.
May import every room of the engine but studio.
"""
