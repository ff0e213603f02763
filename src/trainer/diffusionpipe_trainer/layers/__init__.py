"""Components of diffusers pipelines as ordered named layers."""

from .layer import (
    NOISY_LATENTS,
    PIXELS,
    TEXT_EMBEDDINGS,
    TIMESTEPS,
    TOKEN_IDS,
    Component,
    Layer,
    run_layers,
)

__all__ = [
    "NOISY_LATENTS",
    "PIXELS",
    "TEXT_EMBEDDINGS",
    "TIMESTEPS",
    "TOKEN_IDS",
    "Component",
    "Layer",
    "run_layers",
]
