"""The list of simulated recordings of the demo, which `simulation` makes.

The workflow imports this list when it starts, so no heavy library may be imported here.
"""

from dataclasses import dataclass

# width (sd) of the pooling Gaussian of an area, in image heights; wider in higher areas than in the primary one
POOLING = {"VISp": 0.03, "VISl": 0.04, "VISal": 0.06, "VISpm": 0.05, "VISam": 0.08, "VISrl": 0.1}
DEPTHS_UM = (175, 275)  # one animal each


@dataclass(frozen=True)
class Site:
    """One simulated recording: a name, an area, an animal and a depth."""

    recording: str
    area: str
    animal: str
    depth_um: int


def simulated_sites() -> list[Site]:
    """Return the recordings of the demo: every area in two animals."""
    return [
        Site(str(900000000 + 10 * a + d), area, f"sim{a}{d}", depth)
        for a, area in enumerate(POOLING)
        for d, depth in enumerate(DEPTHS_UM)
    ]
