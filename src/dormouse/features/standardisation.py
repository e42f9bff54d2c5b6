"""Columns z-scored over the images. Those that vary by rounding alone become 0; scaled, they would be as large as features."""

import numpy as np
import torch

FEW = 4096  # features of a layer, up to which all is computed in float64; no more than `gram.BLOCK`
LAST_DIGIT = torch.finfo(torch.float32).eps  # of a feature, by its size; networks run in float32
CANCELLED = 32  # last digits of a typical projection; a column with a smaller sd is what rounding left of terms that cancelled
AT_ONCE = 1024  # columns, in float64


def zscored(X: torch.Tensor, *moments: torch.Tensor, last_digit: float = LAST_DIGIT, least: float = 0.0) -> torch.Tensor:
    """Return columns in rows (n, n_images) z-scored over the images (sd over n_images), in the type that they come in.

    Columns whose sd is not above their last digit, or not above `least`, become 0. `moments` are those of `Moments`, needed
    where X does not hold all images.
    """
    if moments:
        first, mean, sd = (moment[:, None] for moment in moments)
        Z = X - first - mean
    else:
        first = X[:, :1]
        Z = X - first  # exactly 0 for a constant feature, whatever its value
        mean = Z.mean(dim=1, keepdim=True)
        Z -= mean
        sd = torch.linalg.vector_norm(Z, dim=1, keepdim=True) / X.shape[1] ** 0.5
    # ASSUME what varies in the last digit alone carries nothing
    varies = sd > (last_digit * (first + mean).abs()).clamp(min=least)
    Z /= torch.where(varies, sd, torch.inf)
    return Z


def zscored_product(projected: np.ndarray, device: torch.device | str = "cpu") -> np.ndarray:
    """Return Z Z' (n_images, n_images) float64, where Z is `projected` (n_images, n_columns) with every column z-scored.

    It is computed on `device`. Columns that vary by the rounding of their sums alone, in the type that they come in, become 0.
    """
    P = torch.from_numpy(projected).to(device)
    size = float(torch.linalg.vector_norm(P, dtype=torch.float64)) / P.numel() ** 0.5
    last_digit = torch.finfo(P.dtype).eps
    least = CANCELLED * last_digit * size  # equal features with opposite signs leave nothing but rounding
    product = torch.zeros(len(P), len(P), dtype=torch.float64, device=device)
    for part in P.split(AT_ONCE, dim=1):
        Z = zscored(part.double().T, last_digit=last_digit, least=least)
        product.addmm_(Z.T, Z)
    return product.cpu().numpy()


class Moments:
    """Mean and sd of a layer's features over images that come one part after another.

    Differences are from the first image, so that a constant column has an sd of exactly 0. Sums are in float64; of up to `FEW`
    features, so are the differences.
    """

    def __init__(self):
        self.n, self.first, self.sum, self.square_sum = 0, None, 0.0, 0.0

    def add(self, part: torch.Tensor) -> None:
        """Add features (n_images of the part, ...)."""
        X = part.flatten(1).float()
        X = X.double() if X.shape[1] <= FEW else X
        self.first = X[0].clone() if self.first is None else self.first
        D = X - self.first
        self.n, self.sum = self.n + len(X), self.sum + D.sum(dim=0, dtype=torch.float64)
        self.square_sum = self.square_sum + D.square().sum(dim=0, dtype=torch.float64)

    def result(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the first image, the mean difference from it, and the sd, each (n_features,); the last two float64."""
        mean = self.sum / self.n
        return self.first, mean, (self.square_sum / self.n - mean**2).clip(min=0).sqrt()
