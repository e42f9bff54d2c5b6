"""Baselines: the pixels of the images, Gabor filters as in early vision, and noise."""

import hashlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dormouse.stimuli.gabor import log_gabor_bank

FREQUENCIES = (2.0, 4.0, 8.0, 16.0, 32.0)  # cycles per image
N_ORIENTATIONS = 8
POOLED = 16  # samples of an energy map on a side
NOISE_FEATURES = (1_000, 10_000, 100_000, 1_000_000)  # of each layer of noise, over the range that networks have


class Pixels(nn.Module):
    """The grey levels of the image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images, (n_images, 1, size, size)."""
        return images.clone()


class GaborEnergy(nn.Module):
    """Local energy in all orientations of one spatial frequency, averaged to `POOLED` x `POOLED` places."""

    def __init__(self, frequency: float):
        super().__init__()
        self.frequency = frequency

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n_images, N_ORIENTATIONS, POOLED, POOLED) of grey images (n_images, 1, size, size)."""
        bank = log_gabor_bank(images.shape[-2:], np.array([self.frequency]), N_ORIENTATIONS)[0].astype(np.float32)
        energy = torch.fft.ifft2(torch.fft.fft2(images) * torch.from_numpy(bank).to(images.device)).abs()
        return F.adaptive_avg_pool2d(energy, POOLED)


class GaborBank(nn.Module):
    """Gabor energy of all spatial frequencies: one layer each, and their union last."""

    def __init__(self):
        super().__init__()
        self.scales = nn.ModuleList([GaborEnergy(frequency) for frequency in FREQUENCIES])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n_images, len(FREQUENCIES) * N_ORIENTATIONS, POOLED, POOLED)."""
        return torch.cat([scale(images) for scale in self.scales], dim=1)


class NoiseLayer(nn.Module):
    """Gaussian noise, drawn for each image with a seed made from its bytes and from the layer."""

    def __init__(self, n_features: int):
        super().__init__()
        self.n_features = n_features
        self.register_buffer("seed", torch.randint(2**31, ()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n_images, n_features) float32; equal images have the same features, in whatever batch and place."""
        return torch.stack([torch.from_numpy(self._draw(image)) for image in images.detach().cpu()]).to(images.device)

    def _draw(self, image: torch.Tensor) -> np.ndarray:
        digest = hashlib.sha256(image.contiguous().numpy().tobytes() + int(self.seed).to_bytes(8, "little")).digest()
        # NumPy's generator: PyTorch's takes seeds of 32 bits, so that two of thousands of images might share one
        generator = np.random.default_rng(int.from_bytes(digest, "little"))
        return generator.standard_normal(self.n_features, np.float32)


class Noise(nn.Module):
    """Noise in layers of sizes that networks have: what features score that carry no information on the images."""

    def __init__(self):
        super().__init__()
        self.sizes = nn.ModuleList([NoiseLayer(n_features) for n_features in NOISE_FEATURES])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the last layer, (n_images, NOISE_FEATURES[-1]); all of them run."""
        return [layer(images) for layer in self.sizes][-1]
