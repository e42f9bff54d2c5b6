"""Where kernels lie: a key stands for all that a model's kernels depend on, so that runs share those that are the same."""

from collections.abc import Mapping

from dormouse.content_hash import file_hash, is_made, short_hash

OF_RUN = ("layers", "extraction", "projection")  # sections of the configuration that change kernels
OF_MODEL = ("source", "name", "seed", "key", "files", "options", "input")  # of a specification


def kernels_key(spec: Mapping, images: str, config: Mapping) -> str:
    """Return the key of a model's kernels.

    Parameters
    ----------
    spec : specification of the model, of `models.registry.list_models`
    images : key of the images
    config : `layers`, `extraction`, `projection` and `training`

    Code is left out: when it changes, kernels are made again in their place. So is the content of files that the workflow
    fetches or trains, which are told by their origin.
    """
    settings = {section: config[section] for section in OF_RUN}
    settings["extraction"] = {"precision": config["extraction"]["precision"]}  # memory changes no number
    model = {name: spec[name] for name in OF_MODEL}
    return short_hash({"images": images, "settings": settings, "model": model, "weights": _weights(spec, config)})


def _weights(spec: Mapping, config: Mapping) -> list:
    """Return what tells a model's weights: their published place, their training, or their content."""
    file = spec["file"]
    if file is None or is_made(file):
        trained = spec["weights"].partition(":")[2].partition("@")[0]
        return [spec["weights"], spec["address"], spec["sha256"], config["training"].get(trained)]
    return [file_hash(file)]
