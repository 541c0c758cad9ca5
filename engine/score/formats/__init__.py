"""One reader (and writer) per score format: bytes in, a `Score` out, or a `ScoreError`. Repairs are reported in the score's notices."""
