"""The encoder of Taskonomy: a ResNet-50 that halves the image at the end of a stage and ends in 8 maps.

Architecture and names of parameters are those of the published state dicts (Zamir et al. 2018, CVPR; weights in PyTorch: Sax
et al. 2019, arXiv:1812.11971).
"""

import torch
from torch import nn
from torch.nn import functional as F

WIDTHS, DEPTHS, STRIDES = (64, 128, 256, 512), (3, 4, 6, 3), (2, 2, 1, 1)
EXPANSION = 4  # output channels of a block for each inner one
N_MAPS = 8


class Bottleneck(nn.Module):
    """Residual block of 1 x 1, 3 x 3 and 1 x 1 convolutions."""

    def __init__(self, n_in: int, width: int, stride: int, shortcut: nn.Module | None):
        super().__init__()
        n_out = width * EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(n_in, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, n_out, 1, bias=False), nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n_images, 4 width, height / stride, width / stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class TaskonomyEncoder(nn.Module):
    """From images (n_images, 3, size, size) in [-1, 1] to 8 maps of a sixteenth of the size, each normalised."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, WIDTHS[0], 7, stride=2, bias=False), nn.BatchNorm2d(WIDTHS[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        n_in = WIDTHS[0]
        for i, (width, depth, stride) in enumerate(zip(WIDTHS, DEPTHS, STRIDES, strict=True), start=1):
            setattr(self, f"layer{i}", stage(n_in, width, depth, stride))
            n_in = width * EXPANSION
        self.compress1, self.compress_bn = nn.Conv2d(n_in, N_MAPS, 3, padding=1, bias=False), nn.BatchNorm2d(N_MAPS)
        self.relu1 = nn.ReLU(inplace=True)
        self.groupnorm = nn.GroupNorm(N_MAPS, N_MAPS, affine=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n_images, 8, size / 16, size / 16)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(F.pad(images, (3, 3, 3, 3))))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.groupnorm(self.relu1(self.compress_bn(self.compress1(x))))


def stage(n_in: int, width: int, depth: int, stride: int) -> nn.Sequential:
    """Return `depth` blocks, of which the first widens.

    Where `stride` is 2, the last halves the image; its shortcut takes every other pixel.
    """
    n_out = width * EXPANSION
    widen = nn.Sequential(nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out))
    halve = nn.Sequential(nn.MaxPool2d(1, stride)) if stride > 1 else None
    middle = [Bottleneck(n_out, width, 1, None) for _ in range(depth - 2)]
    return nn.Sequential(Bottleneck(n_in, width, 1, widen), *middle, Bottleneck(n_out, width, stride, halve))
