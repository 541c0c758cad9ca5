"""Experiments and training scripts that are not part of the product or the wheel. See README.md."""
