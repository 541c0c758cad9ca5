"""Training of the starter voice's networks, stage by stage: direct model, tokeniser, sung set, decoder, GPT."""
