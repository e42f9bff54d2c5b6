"""A made-up survey of a network, and the plan that is chosen for it."""

import numpy as np

from dormouse.features.layers import Layer
from dormouse.features.plan import FIXED_BYTES, Plan, choose_plan
from dormouse.features.survey import Survey

MB = 1 << 20


def make_survey(n_features=(1000, 500, 2000, 100), held=(40, 10, 20, 5), passing=(50, 60, 30, 25, 5)) -> Survey:
    """A network of which an image holds and needs some MB at each layer."""
    layers = [Layer(f"Conv2d-{k}", "stem", 0, False, p) for k, p in enumerate(n_features)]
    return Survey(layers, frozenset(), np.array(held) * MB, np.array(passing) * MB)


def chosen(room_mb: float, kernels=(), survey: Survey | None = None, n_images: int = 119, device: str = "cpu") -> Plan:
    """Choose a plan for so many MB beside what is taken in any case."""
    return choose_plan(survey or make_survey(), n_images, 4096, kernels, room_mb * MB + FIXED_BYTES, device)
