"""MIDI in: ports come and go, messages become events of tracks, clocks become a transport.

    table.py      controllers and what they do: the one place        clock.py     MIDI clock: tempo, song position, start and stop
    router.py     messages of one port to events of tracks           timecode.py  MIDI time code
    ports.py      virtual and hardware ports, plugged at any time    pulses.py    times of pulses that arrive with jitter
    receiver.py   all of it together                                 jack.py      ports of JACK, heard by jack_process.py

`router.py`, `clock.py` and `timecode.py` know no ports and read no clock: they take messages with their times.
"""
