"""GPT-SoVITS voices that sing, rap and talk: what joins their networks (engine.model.gpt_sovits) to words and performances.

text.py        words → the voice's phonemes, and the Chinese characters among them
features.py    BERT and HuBERT from the user's folder, and which files belong there
settings.py    how a voice is run: with which pitch adapter, where, how exactly
placed.py      the networks where they run
heard.py       what a voice heard in its reference clip, kept on disk
native.py      a performance as a pitch adapter is told it
speech.py      phonemes → codes → 32 kHz speech, as the official program does it, seeded; what went wrong is said again; with an adapter, song
voice.py       a `Voice`: speech as it is for talk, laid on the score and moved to its pitch for singing and rap, or sung by an adapter
"""
