"""Live play: note, pitch and word events in, blocks of samples out.

    events.py       events and live settings               performer.py   events to phones and controls, frame by frame
    schedule.py     events in order of time                word_source.py words of each note
    lyric_queue.py  words of a track                       syllable.py    start and end of the sounding syllable
    phone_plan.py   phones that can be laid anew           state.py       lasting state of a track
    pitch.py        F0 of the next frame                   loudness.py    energy of the next frame
    speech.py       pitch contour of rap and talk          controllers.py gain, timbre and attack by controllers
    recorder.py     played notes as a score                voice.py       performer and stream of one voice
    blocks.py       blocks of any size from frames of 10 ms

May import engine.score, engine.lyrics, engine.performance, engine.voices, engine.dsp, engine.parameters, engine.errors.
"""
