"""Reliability and metrics of all 37,398 neurons of Conwell et al.: 50 trials, 119 stimuli, 100 splits, 400 recordings in turn.

The peer loops over neurons and splits, as the published code does. It measures a hundredth of the neurons; its time is scaled.

python tests/benchmarks/reliability.py [--repeats N]
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from measure import contest, print_machine, print_table

from dormouse.neurons.reliability_table import measure_reliability
from dormouse.recordings.session import scene_names
from dormouse.recordings.trials import Recording

N_NEURONS, N_RECORDINGS, N_TRIALS, N_STIMULI, N_SPLITS, THREADS = 37_398, 400, 50, 119, 100, 2
SHARE = 100  # the peer measures one neuron in so many


def recordings(n_neurons: int, missing: float):
    """Give the recordings one at a time: signal and noise of equal variance in the mean of ten trials."""
    rng = np.random.default_rng(0)
    for size in np.diff(np.linspace(0, n_neurons, N_RECORDINGS * n_neurons // N_NEURONS + 1).astype(int)):
        signal = rng.standard_normal((N_STIMULI, size), np.float32)
        response = signal + np.float32(np.sqrt(10)) * rng.standard_normal((N_TRIALS, N_STIMULI, size), np.float32)
        response[rng.random(response.shape[:2]) < missing] = np.nan
        text = np.full(size, "")
        yield Recording(
            response=response,
            running_speed=rng.exponential(1.0, response.shape[:2]).astype(np.float32),
            stimulus=scene_names(N_STIMULI - 1, blank=True),
            image_sha256=np.full(N_STIMULI, ""),
            neuron=np.arange(size).astype(str),
            depth_um=np.full(size, 175.0),
            unit="",
            **dict.fromkeys(("animal", "area", "cortical_layer", "cre_line"), text),
        )


def ours(recording: Recording) -> np.ndarray:
    """Return the reliabilities, with all other columns of the table computed."""
    return measure_reliability("", recording, recording.stimulus, N_SPLITS, 0, [("all", "all")]).reliability.to_numpy()


def one_by_one(recording: Recording) -> np.ndarray:
    """Return the reliabilities by a loop over neurons and splits."""
    rng = np.random.default_rng(0)
    deals = np.argsort(rng.random((N_SPLITS, N_TRIALS)), axis=1)
    found = []
    for neuron in np.moveaxis(recording.response, -1, 0).astype(float):
        r = []
        for deal in deals:
            half = N_TRIALS // 2
            a, b = neuron[deal[:half]].mean(axis=0), neuron[deal[half:]].mean(axis=0)
            r.append(np.corrcoef(a, b)[0, 1])
        r = np.array(r)
        found.append(np.mean(2 * r / (1 + r)))
    return np.array(found)


# the function for each recording, one neuron in how many, and the fraction of missing presentations
CONTENDERS = {
    "dormouse, all columns": (ours, 1, 0.0),
    "dormouse, 1 % of presentations missing": (ours, 1, 0.01),
    "a neuron and a split at a time": (one_by_one, SHARE, 0.0),
}


def main() -> None:
    """Compare all contenders, or run the one that is named."""
    if sys.argv[1:2] and sys.argv[1] in CONTENDERS:
        work, share, missing = CONTENDERS[sys.argv[1]]
        seconds, found = 0.0, []
        for recording in recordings(N_NEURONS // share, missing):
            start = time.perf_counter()
            found.append(work(recording))
            seconds += time.perf_counter() - start
        found = np.concatenate(found)
        Path(sys.argv[2]).write_text(json.dumps({"seconds": seconds * share, "first": found[:100].tolist()}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1)
    print_machine("numpy", "scipy")
    results = contest(__file__, list(CONTENDERS), [], parser.parse_args().repeats, THREADS)
    title = f"{N_NEURONS} neurons, {N_TRIALS} trials, {N_STIMULI} stimuli, {N_SPLITS} splits, {THREADS} threads"
    print_table(title, results, "dormouse, all columns")


if __name__ == "__main__":
    main()
