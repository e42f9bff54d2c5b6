"""Convolutions with wide kernels as products of spectra, by the convolution theorem.

Mathieu, Henaff & LeCun 2014, "Fast training of convolutional networks through FFTs", ICLR. Maps of thirty pixels on a side
are too small for fast Fourier transforms to pay. Here a transform is a product with a matrix of waves, which leaves spectra
in the order in which they are multiplied. The results are those of `torch.nn.functional.conv2d`, up to the order of sums.
"""

import math

import torch
from torch.nn import functional as F

WIDE = 9  # from this size of kernel on, spectra are faster on two cores


def convolve(
    images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, padding: tuple[int, int, int, int], stride: int = 1
) -> torch.Tensor:
    """Return the convolution of square images, padded with zeros, with square kernels.

    Parameters
    ----------
    images : (n_images, in_channels, size, size)
    weight : (out_channels, in_channels, kernel, kernel)
    bias : (out_channels,)
    padding : zeros (left, right, top, bottom), as many above as to the left
    stride : divides `size`

    Returns
    -------
    (n_images, out_channels, n, n), n = (size + left + right - kernel) // stride + 1
    """
    # the library of a GPU chooses an algorithm for every size by itself; torch has no spectra in half precision
    single = images.element_size() >= torch.float32.itemsize and not torch.is_autocast_enabled("cpu")
    if weight.shape[-1] < WIDE or images.device.type != "cpu" or not single:
        return convolve_directly(images, weight, bias, padding, stride)
    before, after = padding[0], padding[1]
    n_out = (images.shape[-1] + before + after - weight.shape[-1]) // stride + 1
    # a stride becomes channels: one for each offset within it, the same in image and kernel
    lead = -before % stride
    weight = F.pad(weight, (lead, -(weight.shape[-1] + lead) % stride) * 2)
    images, weight = F.pixel_unshuffle(images, stride), F.pixel_unshuffle(weight, stride)
    before = (before + lead) // stride
    # a period long enough that a kernel that reaches over one edge does not wrap around to the other
    period = max(images.shape[-1] + before, n_out + weight.shape[-1] - 1 - before)
    sent = spectrum(images.permute(2, 3, 0, 1), period)
    kernel = spectrum(weight.permute(2, 3, 1, 0), period, start=-before, sign=1)
    received = (sent.flatten(0, 1) @ kernel.flatten(0, 1)).unflatten(0, sent.shape[:2])
    return maps_of(received, n_out).permute(2, 3, 0, 1) + bias[:, None, None]


def convolve_directly(
    images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, padding: tuple[int, int, int, int], stride: int = 1
) -> torch.Tensor:
    """Return what `convolve` does, without spectra."""
    return F.conv2d(F.pad(images, padding), weight, bias, stride)


def spectrum(maps: torch.Tensor, period: int, start: int = 0, sign: int = -1) -> torch.Tensor:
    """Return the spectrum of real maps, sum_xy maps[y, x] exp(sign 2 pi i (f y + g x) / period).

    Parameters
    ----------
    maps : (height, width, ...), their first pixel at `start`
    period : number of pixels after which the waves repeat

    Returns
    -------
    (period // 2 + 1, period, ...), frequencies f and g; the other f are conjugates of these
    """
    height, width, *rest = maps.shape
    half = period // 2 + 1
    cosines, sines = _waves(half, start, height, period, maps)
    rows = torch.cat([cosines, sign * sines]) @ maps.flatten(1)
    rows = torch.complex(rows[:half], rows[half:]).unflatten(1, (width, -1))
    cosines, sines = _waves(period, start, width, period, maps)
    return (torch.complex(cosines, sign * sines) @ rows).unflatten(2, rest)


def maps_of(spectra: torch.Tensor, n: int) -> torch.Tensor:
    """Return the first n pixels on a side, (n, n, ...), of the real maps that have these spectra: inverse of `spectrum`."""
    half, period, *rest = spectra.shape
    cosines, sines = _waves(period, 0, n, period, spectra.real)
    rows = torch.complex(cosines.T, sines.T) @ spectra.flatten(2)
    cosines, sines = _waves(half, 0, n, period, spectra.real)
    # a frequency stands for its conjugate too, unless it is its own
    alone = [0, half - 1] if period % 2 == 0 else [0]
    weights = torch.full_like(cosines, 2 / period**2).index_fill(0, torch.tensor(alone), 1 / period**2)
    waves = torch.cat([cosines * weights, -sines * weights])
    return (waves.T @ torch.cat([rows.real, rows.imag]).flatten(1)).view(n, n, *rest)


def _waves(n_frequencies: int, start: int, n: int, period: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosines and sines, (n_frequencies, n), at n pixels from `start`."""
    positions = torch.arange(start, start + n, dtype=torch.float64)
    angles = 2 * math.pi / period * torch.arange(n_frequencies, dtype=torch.float64)[:, None] * positions
    return torch.cos(angles).to(like), torch.sin(angles).to(like)
