"""Where the digits of float32 products would not do: layers in which what tells images apart is small beside the rest.

Both questions are answered from some features of every image, a sample (n_images, n_features).
"""

import torch

DROWNING = 0.3  # share of an image's mean square that is variance, below which it is centred before the product
ALIKE = 1e-3  # share of the variance of patterns that differs between images, below which products are of float64


def drowning_mean(sample: torch.Tensor) -> torch.Tensor | None:
    """Return the mean of every image of which little is variance, 0 for others, or None without such images; (n_images,)."""
    sample = sample.double()
    mean, mean_square = sample.mean(dim=1), sample.square().mean(dim=1)
    drowns = mean_square - mean**2 < DROWNING * mean_square
    return torch.where(drowns, mean, 0.0).float() if drowns.any() else None


def alike(sample: torch.Tensor) -> bool:
    """Return whether all images have nearly the same pattern, as deep in a network before training: their r is then near 1."""
    patterns = sample.double()
    patterns -= patterns.mean(dim=1, keepdim=True)
    return bool(patterns.var(dim=0, correction=0).mean() < ALIKE * patterns.square().mean())
