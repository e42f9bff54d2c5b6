"""Convolutions with wide kernels by products of spectra, against convolutions."""

import pytest
import torch

from dormouse.mousenet.fourier_convolution import convolve, convolve_directly


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [9, 11, 17, 21])
@pytest.mark.parametrize("size", [8, 14, 32])
def test_wide_convolutions_by_spectra_are_convolutions(size, kernel, stride):
    padding = ((kernel - stride) // 2, (kernel - 1) // 2) * 2
    generator = torch.Generator().manual_seed(size + kernel)
    inputs, weight, bias, gradient = (
        torch.randn(shape, dtype=torch.float64, generator=generator)
        for shape in [(2, 3, size, size), (4, 3, kernel, kernel), (4,), (2, 4, size // stride, size // stride)]
    )
    a, b = (
        torch.autograd.functional.vjp(
            lambda *arrays, way=way: way(*arrays, padding, stride), (inputs, weight, bias), gradient, strict=True
        )
        for way in (convolve, convolve_directly)
    )
    torch.testing.assert_close(a, b, rtol=0, atol=1e-11)
    single = convolve(inputs.float(), weight.float(), bias.float(), padding, stride)
    torch.testing.assert_close(single.double(), b[0], rtol=0, atol=1e-5 * float(b[0].abs().max()))
