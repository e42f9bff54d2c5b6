"""Valid examples of what users give, small and made on the spot: dataset folders and a recording in NWB 1.0."""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from dormouse.recordings.simulation import (
    LEAD_FRAMES,
    POOLING,
    gabor_energy,
    presentation_order,
    simulate_scenes,
    simulate_traces,
    simulated_sites,
    tuning,
    write_nwb,
)


def write_dataset(folder: Path) -> Path:
    """Write a valid dataset folder of kind responses, and return it.

    - stimuli/image_0.png ... image_7.png: 8 grey images of 24 x 32 pixels
    - sessions `one` and `two`, an animal each (m1, m2), of 6 trials and 10 neurons: 5 of VISp, then 5 of VISl; their ids are
      the whole numbers 100-109 and 200-209
    - cortical layers 2/3, 2/3, 4, 4 and unknown, in this order in each area: with both sessions 10 neurons an area, 4 a layer
    - responses in dF/F whose standard deviation over stimuli is 1, and over trials 0.3: reliabilities above 0.9
    """
    rng = np.random.default_rng(0)
    (folder / "stimuli").mkdir(parents=True)
    (folder / "responses").mkdir()
    description = {"name": "Mice", "kind": "responses", "stimuli": "stimuli", "response_unit": "dF/F", "citation": "nobody"}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    for i in range(8):
        Image.fromarray(rng.integers(0, 256, (24, 32), np.uint8)).save(folder / "stimuli" / f"image_{i}.png")
    rows = ["neuron,session,animal,area,layer"]
    for first, session, animal in ((100, "one", "m1"), (200, "two", "m2")):
        neuron = first + np.arange(10)
        response = rng.standard_normal((8, 10)) + 0.3 * rng.standard_normal((6, 8, 10))
        np.savez(folder / "responses" / f"{session}.npz", response=response.astype(np.float32), neuron=neuron)
        places = [(area, layer) for area in ("VISp", "VISl") for layer in ("2/3", "2/3", "4", "4", "")]
        rows += [f"{i},{session},{animal},{area},{layer}" for i, (area, layer) in zip(neuron, places, strict=True)]
    (folder / "neurons.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_similarity(folder: Path, stimuli: str) -> Path:
    """Write a valid dataset folder of kind similarity that borrows the 8 images of a folder of `write_dataset`, and return it.

    Its sites are VISp-2_3, VISp-4 and VISl, each the Pearson correlations of 20 made-up neurons.
    """
    rng = np.random.default_rng(1)
    folder.mkdir()
    description = {"name": "Alike", "kind": "similarity", "stimuli": stimuli}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(description))
    sites = ("VISp-2_3", "VISp-4", "VISl")
    np.savez(folder / "similarity.npz", **{site: np.corrcoef(rng.standard_normal((8, 20))) for site in sites})
    return folder


def write_recording(path: Path) -> Path:
    """Write one simulated NWB file, and return it: 6 scenes of 32 x 41 pixels, 4 trials, 5 neurons, VISp, 175 um."""
    site = simulated_sites()[0]
    scenes = simulate_scenes(n_scenes=6, height=32, seed=0)
    mean, _ = tuning(scenes, gabor_energy(scenes), POOLING[site.area], n_neurons=5, seed=[0, 0])
    order, start = presentation_order(n_scenes=6, n_trials=4, seed=[0, 1])
    dff = simulate_traces(mean, order, start, n_frames=int(start[-1]) + LEAD_FRAMES, seed=[0, 2])
    write_nwb(path, site, scenes, dff, order, start, seed=[0, 3])
    return path
