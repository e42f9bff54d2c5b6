"""The names of methods and selections that scores carry: what differs from what a name stands for is written behind it."""

from collections.abc import Mapping

# What the names of config.yaml stand for; other names mean what their user says, and are left as they are.
SEEN = {
    **{"stimuli.blank": True, "transform": "paper", "layers": "all", "extraction.precision": "float32"},
    **{"input.size": 224, "input.range": 1, "input.mean": [0.485, 0.456, 0.406], "input.std": [0.229, 0.224, 0.225]},
    **{"input.channels": "rgb", "input.interpolation": "bilinear"},
}
METHODS = {"paper": {"rsa": SEEN, "ridge": SEEN | {"projection.eps": 0.1, "penalty": 1.0, "predictor": "srp"}}}
RELIABLE = {"min_reliability": 0.75, "correction": "spearman-brown", "n_splits": 100}
ALL, HALVES = {"select_on": "all", "score_on": "all"}, {"select_on": "odd", "score_on": "even"}
SELECTIONS = {
    "paper_2020": {"filters": ["running", "responsive", "reliable"], "max_p": 0.05, **ALL, **RELIABLE},
    "paper": {"filters": ["excitatory", "running", "reliable"], "max_p": 0.05, **ALL, **RELIABLE},
    "strict": {"filters": ["excitatory", "reliable"], **HALVES, **RELIABLE},
}


def method_label(config: Mapping, metric: str, predictor: str | None = None) -> str:
    """Return the name of the method in use, as "paper (penalty 2.0)" where it is not what `paper` stands for.

    Parameters
    ----------
    metric : rsa or ridge
    predictor : of ridge, the kernel that neurons are predicted from
    """
    method = config["method"]
    meant = METHODS.get(method["preset"], {}).get(metric, {})
    return _label(method["preset"], meant, {**config, **method, "predictor": predictor})


def selection_label(config: Mapping) -> str:
    """Return the name of the selection of neurons in use, as "paper (min_reliability 0.5)"."""
    selection, name = config["selection"], config["selection"]["preset"]
    used = {**selection, **selection["presets"][name], "n_splits": config["reliability"]["n_splits"]}
    return _label(name, SELECTIONS.get(name, {}), used)


def _label(name: str, meant: Mapping, used: Mapping) -> str:
    """Return a name, and behind it every setting that is not what it means."""
    values = {key: _look_up(used, key) for key in meant}
    others = [f"{key} {_text(value)}" for key, value in values.items() if value != meant[key]]
    return f"{name} ({', '.join(others)})" if others else name


def _look_up(used: Mapping, key: str):
    for part in key.split("."):
        used = used[part]
    return used


def _text(value) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
