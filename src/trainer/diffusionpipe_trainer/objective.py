"""The training objective: what the backbone sees and what it should predict. Everything is remade from the seed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import DDPMScheduler
from torch import Tensor

from .errors import UserError
from .randomness import integers, normal

Range = tuple[int, int]


@dataclass(frozen=True)
class Objective:
    """Noise, timesteps, latents and targets of samples [a, b) of the global batch of a step.

    `latent_shape` is (channels, height / 8, width / 8).
    """

    scheduler: DDPMScheduler
    scaling_factor: float
    latent_shape: tuple[int, ...]
    prediction_type: str
    seed: int

    def timesteps(self, step: int, samples: Range) -> Tensor:
        """Diffusion timesteps, (b - a,), int64."""
        return integers(self.seed, step, range(*samples), "timestep", self.scheduler.config.num_train_timesteps)

    def noise(self, step: int, samples: Range) -> Tensor:
        """The noise that is added, (b - a, *latent_shape)."""
        return normal(self.seed, step, range(*samples), "noise", self.latent_shape)

    def latents(self, step: int, samples: Range, moments: Tensor) -> Tensor:
        """A draw from the autoencoder's posterior, scaled, (b - a, *latent_shape); moments are mean and log-variance."""
        mean, log_variance = moments.float().chunk(2, dim=1)
        deviation = torch.exp(0.5 * log_variance.clamp(-30.0, 20.0))
        draw = normal(self.seed, step, range(*samples), "posterior", self.latent_shape).to(moments.device)
        return (mean + deviation * draw) * self.scaling_factor

    def noisy_latents(self, step: int, samples: Range, moments: Tensor) -> Tensor:
        """Latents with noise added at their timesteps, (b - a, *latent_shape)."""
        latents = self.latents(step, samples, moments)
        noise = self.noise(step, samples).to(latents.device)
        return self.scheduler.add_noise(latents, noise, self.timesteps(step, samples).to(latents.device))

    def needs_moments_for_target(self) -> bool:
        """Whether the target depends on the latents, not on the noise alone."""
        return self.prediction_type != "epsilon"

    def target(self, step: int, samples: Range, moments: Tensor | None) -> Tensor:
        """What the backbone should predict, (b - a, *latent_shape)."""
        noise = self.noise(step, samples)
        if self.prediction_type == "epsilon":
            return noise
        if moments is None:
            raise ValueError("This prediction type needs the latents.")
        latents = self.latents(step, samples, moments)
        if self.prediction_type == "sample":
            return latents
        timesteps = self.timesteps(step, samples).to(latents.device)
        return self.scheduler.get_velocity(latents, noise.to(latents.device), timesteps)


def check_resolution(resolution: int, multiple: int, file: str) -> None:
    """Latents must halve evenly on every level, or upsampling would need the skips' sizes."""
    if resolution % multiple:
        raise UserError(f"The resolution must be a multiple of {multiple}.", file, "training.resolution")
