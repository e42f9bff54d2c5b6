"""Targets of networks and of their features: how many there are, and how large."""

import json

from dormouse.inference.contrasts import chosen, with_attributes
from dormouse.paper.facts import Tables, run_facts
from dormouse.paper.measures.found import Found, NotRun
from dormouse.stimuli.images import ORIGINAL


def projection_columns(tables: Tables, method: str, n_images: int) -> Found:
    """Return the columns of the sparse random projection of so many images, by the eps of the run."""
    from sklearn.random_projection import johnson_lindenstrauss_min_dim  # half a second, which the report would take, too

    if method not in set(tables["methods"].method):
        raise NotRun(f"this run does not have the method {method}.")
    here, eps = tables["stimuli"].stimulus.nunique(), run_facts(tables["run"])["config"]["projection"]["eps"]
    if here != n_images:
        raise NotRun(f"the number is that for {n_images} images, and this run has {here}.")
    n = int(johnson_lindenstrauss_min_dim(n_images, eps=eps))
    return Found(n, f"{n:,}, with eps {eps}")


def size_of_network(tables: Tables, source: str, network: str, column: str, input_px: int, **where: str) -> Found:
    """Return the number of layers or of features of a network, of which every module's output is a layer.

    Parameters
    ----------
    column : n_layers or n_features
    input_px : side of the images with which the number was found
    where : state or weights
    """
    config = run_facts(tables["run"])["config"]
    if config["layers"] != "all":
        raise NotRun(f"the number is that of all layers, and in this run `layers: {config['layers']}` counts others.")
    models = with_attributes(tables["models"])
    models = models[chosen(models, {"source": source, "network": network, "stimulus_set": ORIGINAL, **where})]
    sizes = models.input.map(lambda text: json.loads(text)["size"])
    if models.empty:
        raise NotRun(f"this run does not have the network {' '.join([network, *where.values()])} of {source}.")
    if not (sizes == input_px).any():
        raise NotRun(f"this run shows it images of {', '.join(map(str, sorted(set(sizes))))} pixels, not of {input_px}.")
    values = models[column][sizes == input_px]
    return Found(values.mean(), ", ".join(f"{value:,}" for value in sorted(set(values))))


def n_networks(tables: Tables, group: str, source: str | list[str]) -> Found:
    """Return the number of networks of a group and a source, where the run was to have all of them."""
    asked = run_facts(tables["run"])["config"]["models"]
    if group not in asked["groups"]:
        raise NotRun(f"this run is not of all networks of the group {group} (`models.groups`).")
    if asked["exclude"]:
        raise NotRun(f"`models.exclude` leaves {len(asked['exclude'])} networks out of this run.")
    models = tables["models"]
    here = models[chosen(models, {"group": group, "source": source, "stimulus_set": ORIGINAL})]
    n = len(here[["source", "name", "weights"]].drop_duplicates())  # seeds of one network count once
    return Found(n, f"{n:,}")
