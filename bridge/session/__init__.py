"""A running bridge: what the senders ask for, turned into music in time.

live.py            OSC messages and MIDI events of all tracks to events of live voices, and what is answered
live_process.py    the engine process: voices, and the loop that keeps the rings of the audio process filled
live_player.py     one track in it: what is sung when
live_wire.py       events as text, for the pipe between the two
engine_process.py  the engine process seen from its parent: started, fed, started again
sequencer.py       songs: what is planned and rendered next, and where it is played
timeline.py        a song, frozen: clips, tempo map, loop
tape.py            a track's takes on the song's time line
renderer.py        the render process: plans and phrases
exporter.py        the export process: whole tracks to stems on disk
transport.py       whose time a song follows
server.py          everything that `vocalese serve` opens, wired together
"""
