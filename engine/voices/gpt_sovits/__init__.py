"""Imported GPT-SoVITS voices: reading, speaking and singing with official checkpoints.

    kind.py          properties of this kind of voice          importer.py         checkpoints to a voice folder
    text.py          text to phonemes (with *_text.py, written.py and the other language files)
    speech.py        phonemes to speech                        takes.py            pieces of a text and defects of takes
    conditioning.py  conditioning by the reference clip        voice.py            phrases to samples
    alignment.py     phones in speech                          sung_times.py       phones on the times of a song
    retune.py        speech to a sung phrase                   reference_clip.py   the clip that sets the timbre
    encoders.py      HuBERT and BERT files                     reference_cache.py  conditioning on disk
    device.py        networks on a device, at a precision      score_phones.py, score_plan.py, adapter_*.py: the pitch adapter
    networks/        the official networks (v1, v2, v2Pro, v2ProPlus)

Imports what `engine.voices` may import, but not the starter voice.
"""
