"""Executes a program with torch.distributed."""
