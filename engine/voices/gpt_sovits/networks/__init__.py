"""GPT-SoVITS voices (v1, v2, v2Pro, v2ProPlus): the networks, and a safe reader of the official files.

    phones, BERT, prompt codes ──► gpt.py + generate.py ──► semantic codes, 25 per second
    codes, phones, reference ────► sovits.py ─────────────► 32 kHz samples

Inside sovits.py: quantizer.py (codes ↔ HuBERT features), style.py (reference → global embedding), prior.py with transformer.py and mrte.py
(codes and phones → latent prior, 50 frames per second), flow.py, decoder.py. speaker.py is the Pro versions' speaker network, audio.py the
spectrograms that the networks are fed with, sentences.py the splitting of long text. decoding.py keeps the GPT's memory, int8.py makes it small
on a CPU; adapter.py is what teaches a voice to follow notes, score_phones.py how it is told what each code is for.

The versions differ in sizes and in one optional part; that ends in config.py and weights.py. official.py reads the official `.ckpt` and `.pth`
files and runs nothing from them. The room's own imports: `engine.errors` and torch.
"""
