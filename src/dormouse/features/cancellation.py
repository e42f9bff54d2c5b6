"""Layers for which float32 products are not exact enough: what distinguishes images there is small beside what they share.

Both functions judge by a sample of the features of every image, (n_images, n_features).
"""

import torch

DROWNING = 0.3  # an image is centred before the product where its variance is a smaller share of its mean square
ALIKE = 1e-3  # products are of float64 where a smaller share of the variance of patterns lies between images


def drowning_mean(sample: torch.Tensor) -> torch.Tensor | None:
    """Return the mean of every image that varies little around it, 0 for others, (n_images,) float64; None without any."""
    sample = sample.double()
    mean, mean_square = sample.mean(dim=1), sample.square().mean(dim=1)
    drowns = mean_square - mean**2 < DROWNING * mean_square
    return torch.where(drowns, mean.float().double(), 0.0) if drowns.any() else None


def alike(sample: torch.Tensor) -> bool:
    """Return whether all images have nearly the same pattern, so that every r is near 1, as deep in an untrained network."""
    patterns = sample.double()
    patterns -= patterns.mean(dim=1, keepdim=True)
    return bool(patterns.var(dim=0, correction=0).mean() < ALIKE * patterns.square().mean())
