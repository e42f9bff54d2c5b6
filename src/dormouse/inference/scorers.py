"""The methods of a run on the data of one model."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dormouse.inference.rdm_scorer import RdmScorer
from dormouse.inference.response_scorer import ResponseScorer
from dormouse.inference.scorer import Scorer
from dormouse.methods.images import images_of
from dormouse.methods.model_kernels import ModelKernels
from dormouse.methods.table import RDMS
from dormouse.stimuli.images import BLANK


def scorers(
    kernels: ModelKernels | Mapping[str, np.ndarray],
    targets: Mapping[str, Mapping[str, np.ndarray]],
    methods: Mapping[str, Mapping],
    stimuli: Sequence[str],
    min_neurons: int,
) -> Iterator[Scorer]:
    """Yield every method of a family on the data of a model.

    Parameters
    ----------
    kernels : from `scores.read_model`, or as arrays
    targets : for each selection the arrays of `populations.pool` or `dataset_folder.read_similarity`, for all areas
    methods : rows by name, from `table.list_methods`
    stimuli : names of the images, in order
    min_neurons : fewest neurons of a site, and of an animal in it
    """
    kernels = ModelKernels.of(kernels)
    for name, row in methods.items():
        images = np.arange(len(stimuli))[images_of(row, stimuli)]
        kind, scenes = RdmScorer if row["target"] in RDMS else ResponseScorer, np.asarray(stimuli)[images] != BLANK
        read = kernels.reading(row["kernels"]).of_images(images)
        yield kind(name, row, read, targets[row["selection"]], images, scenes, min_neurons)
