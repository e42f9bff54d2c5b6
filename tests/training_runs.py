"""Training runs for tests: a recipe, small networks, folders of images, and whether weights are equal."""

import numpy as np
import torch
from PIL import Image
from torch import nn

from dormouse.models.build import build
from dormouse.models.checkpoints import read_state
from dormouse.models.registry import training_spec

RECIPE = {
    **{"epochs": 2, "batch": 32, "learning_rate": 0.05, "drops": [], "momentum": 0.9},
    **{"weight_decay": 0.0, "seed": 0},
}


def mousenet(config, seed=0):
    changed = config["training"]["mousenet_digits"] | {"seed": seed}
    return build(training_spec("mousenet_digits", config | {"training": {"mousenet_digits": changed}}))


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))


def equal(a, b):
    first, second = (read_state(path)[0] for path in (a, b))
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def make_folder(folder, parts):
    for part, classes in parts.items():
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            Image.fromarray(np.full((40, 50, 3), 128, np.uint8)).save(folder / part / name / "1.png")
