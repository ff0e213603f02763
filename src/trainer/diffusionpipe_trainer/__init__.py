"""The trainer: executes a program (per rank, an ordered list of operations) on real diffusers modules."""

__version__ = "0.1.0"
