"""MouseNets for tests: a small one, numbers of that of the paper, and images."""

import torch

from dormouse.mousenet.anatomy import Options
from dormouse.mousenet.network import MouseNet

# channels of layers 4, 2/3 and 5 in the network of the paper, for an image of 32 pixels
CHANNELS_32 = {
    "VISp": [106, 169, 131],
    "VISl": [60, 87, 81],
    "VISrl": [56, 88, 74],
    "VISli": [21, 37, 45],
    "VISpl": [15, 70, 78],
    "VISal": [37, 61, 62],
    "VISpor": [23, 119, 118],
}
# of the published masks by their seed: number of weights that they keep, SHA-256
DIGESTS = {2021: (86_164, "ddacb76f1315b0c0"), 42: (86_873, "0e0c8796ef0abffb"), 2020: (86_628, "883bcd77dc49a5ba")}
SMALL = Options(input_px=16, neuron_fraction=1 / 16)  # a second on one core


def images(n, size, seed=0):
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def count(parameters):
    return sum(parameter.numel() for parameter in parameters)


def make(anatomy, seed=0, **options):
    torch.manual_seed(seed)
    return MouseNet(anatomy, **options)
