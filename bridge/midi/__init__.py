"""MIDI in: ports come and go, messages become events of tracks, clocks become a transport.

    table.py      controllers and their parameters               clock.py         MIDI clock: tempo, song position, start and stop
    router.py     messages of one port to events of tracks       timecode.py      MIDI time code
    ports.py      virtual and hardware ports, hot-plugged        pulses.py        times of pulses that arrive with jitter
    receiver.py   joins ports, routers and clocks                jack_backend.py  ports of JACK, read by jack_worker.py

`router.py`, `clock.py` and `timecode.py` know no ports and read no clock: they take messages with their times.
"""
