"""The starter voice: networks, synthesiser and the voice that runs them.

kind.py           properties of this kind of voice          voice.py          phrase or stream of frames to samples
token_stream.py   tokens and loudness of a stream           sound.py          spectral envelopes to samples
numpy_networks.py the networks at run time                  synthesiser.py    pulse train, noise, minimum-phase filters
config.py         sizes of the networks                     conditioning.py   inputs that GPT and loudness model share
acoustic.py, decoder.py, gpt.py, loudness.py, tokeniser.py: the same in torch, for training
"""
