"""One module per command, each with a `run` that takes plain values and returns an exit code. `bridge.cli` wires them up."""
