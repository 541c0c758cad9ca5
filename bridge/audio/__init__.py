"""Sound out, in a process of its own that never imports torch.

    engine process ─ LiveWriter, PlacedWriter ─┐                          ┌─ device (PortAudio)
                                               ├─ shared memory ─ Mixer ──┼─ file
    bridge process ─ AudioEngine, commands ────┘   (audio process)        └─ null

`memory` lays out the shared memory, `live` and `placed` are the two sources of a track, `control` carries commands one way and
telemetry the other, `mixer` is what a callback does, `outputs` where its blocks go, `process` the audio process, `facade` what the
rest of the bridge uses. `devices` lists what there is to play on, `resample` matches rates.
"""
