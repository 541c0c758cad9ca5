"""The networks and the sound they make: tensors in, tensors out; no files, no scores.

    units.py          what a phone is made of, and the network's input for it
    acoustic.py       the starter voice's network: units and timing to envelope, aperiodicity, voicing
    source_filter.py  pulse train, noise and minimum-phase filters
    gpt_sovits/       the official GPT-SoVITS networks

May import engine.errors.
"""
