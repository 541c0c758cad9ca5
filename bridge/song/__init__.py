"""Songs on the timeline: planned, rendered ahead of the playhead, played to the sample.

status.py         what the sequencer reports
timeline.py       the song, frozen: clips, tempo map, loop      sequencer.py      chooses the next job and places takes
takes.py          a track's takes on the timeline               transport.py      position of the host's transport
render_worker.py  the render process: plans and phrases         export_worker.py  the export process: stems on disk
replies.py        contents of a session as OSC replies
"""
