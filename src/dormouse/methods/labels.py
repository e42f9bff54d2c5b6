"""Settings of a configuration that differ from what the names of its methods and selections stand for."""

from collections.abc import Mapping

from dormouse.recordings.trials import BY_SPEED

# What the rows of resources/methods.yaml and the selections of config.yaml stand for. Names that a user adds mean whatever the
# user says, so nothing differs from them.
SEEN = {
    **{"stimuli.blank": True, "transform": "paper", "layers": "all", "extraction.precision": "float32"},
    **{"input.size": 224, "input.range": 1, "input.mean": [0.485, 0.456, 0.406], "input.std": [0.229, 0.224, 0.225]},
    **{"input.channels": "rgb", "input.interpolation": "bilinear"},
}
OF_KERNELS = {"srp": {"projection.eps": 0.1}}
RELIABLE = {"min_reliability": 0.75, "correction": "spearman-brown", "n_splits": 100}
ALL, HALVES = {"select_on": "all", "score_on": "all"}, {"select_on": "odd", "score_on": "even"}
SELECTIONS = {
    "paper_2020": {"filters": ["running", "responsive", "reliable"], "max_p": 0.05, **ALL, **RELIABLE},
    "paper": {"filters": ["excitatory", "running", "reliable"], "max_p": 0.05, **ALL, **RELIABLE},
    "strict": {"filters": ["excitatory", "reliable"], **HALVES, **RELIABLE},
    "every": {"filters": [], **ALL},
    **{part: {"filters": ["excitatory", "reliable"], "select_on": "all", "score_on": part, **RELIABLE} for part in BY_SPEED},
}


def method_differs(config: Mapping, name: str, row: Mapping) -> str:
    """Return the settings of a run that differ from those of a method, such as "layers blocks", or an empty text."""
    if name in config["methods"]["add"]:
        return ""
    meant = SEEN | {key: value for kernel in row["kernels"] for key, value in OF_KERNELS.get(kernel, {}).items()}
    return _differences(meant, config)


def selection_differs(config: Mapping, name: str) -> str:
    """Return the same for a selection of neurons, such as "min_reliability 0.5"."""
    selection = config["selection"]
    used = {**selection, **selection["named"].get(name, {}), "n_splits": config["reliability"]["n_splits"]}
    return _differences(SELECTIONS.get(name, {}), used)


def _differences(meant: Mapping, used: Mapping) -> str:
    values = {key: _look_up(used, key) for key in meant}
    return ", ".join(f"{key} {_text(value)}" for key, value in values.items() if value != meant[key])


def _look_up(used: Mapping, key: str):
    for part in key.split("."):
        used = used[part]
    return used


def _text(value) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
