"""Live singing: notes of OSC and MIDI senders to the rings of the audio process.

session.py     events of all tracks to events of live voices, and the answers
supervisor.py  starts, feeds and restarts the engine process
worker.py      the engine process: voices, and the loop that keeps the rings filled
player.py      one track of it                             wire.py      events as text, for the pipe between the two
note_ids.py    notes of OSC senders
"""
