"""One module per command. Its `run` takes the options that `bridge.cli` declares, and returns an exit code."""
