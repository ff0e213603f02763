"""Traces one forward and backward pass of a torch module without memory for its tensors, and describes it as layers.

Started as `python -m diffusionpipe_tracer` with a request (JSON) on standard input; writes one document (JSON) to
standard output. Needs torch 2.4 or newer, and whatever the traced class needs; nothing else.
"""

FORMAT = "diffusionpipe.trace/1"
