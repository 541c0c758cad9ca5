"""Sound out, in a separate process that never imports torch.

    engine process ─ LiveWriter, PlacedWriter ─┐                          ┌─ device (PortAudio)
                                               ├─ shared memory ─ Mixer ──┼─ file
    bridge process ─ AudioEngine, commands ────┘   (audio process)        └─ null

engine.py       face for the rest of the bridge      memory.py      layout of the shared memory
supervisor.py   the parent's side of the process     control.py     commands and telemetry
worker.py       the audio process                    live_ring.py   live source of a track
messages.py     messages between the two             song_source.py placed source of a track
mixer.py        the callback                         outputs.py     device, file, null
devices.py      list of devices                      resample.py    rate match
"""
