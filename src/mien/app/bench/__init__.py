"""Measuring speed: what the commands `mien bench ...` and `benchmarks/stages.py` share."""
