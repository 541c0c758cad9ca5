"""Signal processing on arrays. Pure functions, except for `ceiling`, which has state from block to block; imports no other room of the
engine.
"""
