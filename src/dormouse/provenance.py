"""What a network's results depend on: its specification, its attestation, its input, and the versions of the libraries."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import numpy as np

LIBRARIES = ("dormouse", "torch", "torchvision", "timm", "numpy")


def provenance(spec: Mapping, attested: Mapping, inputs: np.ndarray) -> np.ndarray:
    """Return the record of a run as JSON in a 0-d array, to be stored beside its numbers.

    Parameters
    ----------
    spec : specification of the model from `registry.list_models`, with its complete input, the place of its weights in their
        file (weights_key) and the precision of its run
    attested : what `attestation.attest` returns
    inputs : (n_images, n_channels, height, width) float32, preprocessed images
    """
    record = {
        **spec,
        **attested,
        "stimuli_sha256": hashlib.sha256(np.ascontiguousarray(inputs).tobytes()).hexdigest(),
        "versions": {library: _version(library) for library in LIBRARIES},
    }
    return np.array(json.dumps(record, sort_keys=True))


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # the workflow runs from its folder without being installed
        return "not installed"
