"""Baselines: what the images themselves, and the filters of early vision, explain."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dormouse.gabor import log_gabor_bank
from dormouse.models.registry import BASELINE_INPUT

FREQUENCIES = (2.0, 4.0, 8.0, 16.0, 32.0)  # cycles per image
N_ORIENTATIONS = 8
POOLED = 16  # samples of an energy map on a side


class Pixels(nn.Module):
    """The grey levels of the image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images, (n_images, 1, size, size)."""
        return images.clone()


class GaborEnergy(nn.Module):
    """Local energy in all orientations of one spatial frequency, averaged to `POOLED` x `POOLED` places."""

    def __init__(self, size: int, frequency: float):
        super().__init__()
        bank = log_gabor_bank((size, size), np.array([frequency]), N_ORIENTATIONS)[0]
        self.register_buffer("bank", torch.from_numpy(bank.astype(np.float32)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n_images, N_ORIENTATIONS, POOLED, POOLED) of grey images (n_images, 1, size, size)."""
        energy = torch.fft.ifft2(torch.fft.fft2(images) * self.bank).abs()
        return F.adaptive_avg_pool2d(energy, POOLED)


class GaborBank(nn.Module):
    """Gabor energy of all spatial frequencies: one layer each, and their union last."""

    def __init__(self):
        super().__init__()
        size = BASELINE_INPUT["gabor"]["size"]
        self.scales = nn.ModuleList([GaborEnergy(size, frequency) for frequency in FREQUENCIES])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n_images, len(FREQUENCIES) * N_ORIENTATIONS, POOLED, POOLED)."""
        return torch.cat([scale(images) for scale in self.scales], dim=1)
