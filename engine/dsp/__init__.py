"""Small pure functions on arrays: no state, no files, no other room of the engine."""
