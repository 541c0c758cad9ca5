"""One reader (and writer) per score format: bytes in, a `Score` out, or a `ScoreError`; repairs are said in the score's notices."""
