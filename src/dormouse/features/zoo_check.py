"""Whether every network of the zoo works: built with random weights and run through extraction on a few images."""

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from dormouse.errors import InputError
from dormouse.features.attestation import attest, weights_sha256
from dormouse.features.extraction import extract
from dormouse.features.memory import available_bytes, resident_bytes
from dormouse.features.plan import choose_plan
from dormouse.features.projection import n_projections
from dormouse.features.survey import survey
from dormouse.files import read_json
from dormouse.models.build import build, native_input
from dormouse.recordings.simulation import simulate_scenes
from dormouse.stimuli.preprocessing import preprocess

N_IMAGES = 4
N_FORECAST = 119  # images of the paper
HEIGHT_PX = 128  # of the simulated scenes
NUMBERS = ("n_layers", "n_features", "n_parameters", "n_fixed", "forecast_mib")  # of a result; missing where it failed


def check_network(
    spec: Mapping, layers: str, kernels: Collection[str], eps: float, seed: int, threads: int, memory_mib: float
) -> dict:
    """Return what the check of one network found: sizes, forecast of memory, seconds, and what is wrong with it, if anything.

    Parameters
    ----------
    spec : of `registry.list_models`; its weights are not used
    layers, kernels, eps, seed, memory_mib : of the configuration
    """
    start = time.monotonic()
    try:
        result = {"error": "", **_measure(spec, layers, kernels, eps, seed, threads, memory_mib)}
    except Exception as error:  # the purpose is to collect them
        result = {"error": f"{type(error).__name__}: {error}", **dict.fromkeys([*NUMBERS, "runs"])}
    return result | {"seconds": round(time.monotonic() - start, 1)}


def _measure(
    spec: Mapping, layers: str, kernels: Collection[str], eps: float, seed: int, threads: int, memory_mib: float
) -> dict:
    torch.set_num_threads(threads)
    network, again, other = (build({**spec, "file": None, "seed": k}) for k in (0, 0, 1))
    if weights_sha256(network) != weights_sha256(again):
        raise InputError("two networks drawn from one seed differ; its library draws weights that the seed does not reach.")
    recipe = native_input(spec)
    inputs = preprocess(simulate_scenes(N_IMAGES, HEIGHT_PX, seed=0), recipe)
    attested = attest(network, recipe, None)
    known, available = survey(network, torch.from_numpy(inputs)), available_bytes(torch.device("cpu"), memory_mib)
    plan = choose_plan(known, N_FORECAST, n_projections(N_FORECAST, eps), kernels, available, "cpu")
    arrays = extract(network, inputs, layers, kernels, eps, seed, threads)
    return {
        "n_layers": len(arrays["layer"]),
        "n_features": int(arrays["n_features"].sum()),
        "n_parameters": attested["n_parameters"],
        "n_fixed": len(fixed_parameters(network, other)),
        "forecast_mib": round((resident_bytes() + plan.forecast) / 2**20),
        "runs": plan.runs,
    }


def fixed_parameters(network: nn.Module, other: nn.Module) -> list[str]:
    """Return the parameters that two seeds leave the same, constants apart: the library sets them without chance."""
    pairs = zip(network.named_parameters(), other.parameters(), strict=True)
    return [name for (name, a), b in pairs if torch.equal(a, b) and not torch.all(a == a.flatten()[0])]


def zoo_table(models: Mapping[str, str], paths: Sequence[str | Path]) -> pd.DataFrame:
    """Return the table `zoo`: the result of the network behind each model, a row a model.

    Parameters
    ----------
    models : for each model the one that was checked in its place, which has the same network
    paths : results of `check_network`, JSON, named by the model that was checked
    """
    results = {Path(path).stem: read_json(path) for path in paths}
    rows = [{"model": model, "checked": checked, **results[checked]} for model, checked in models.items()]
    return (
        pd.DataFrame(rows).astype(dict.fromkeys(NUMBERS, "Int64") | {"runs": float}).assign(ok=lambda table: table.error == "")
    )


def summary(table: pd.DataFrame) -> str:
    """Return the table `zoo` as text, and in its last lines what failed."""
    lines = table.drop(columns=["checked", "error"]).to_string(index=False, na_rep="")
    failed = [f"{row.model}: {row.error}" for row in table[~table.ok].itertuples()]
    count = f"{len(table)} models, {table.checked.nunique()} networks, {len(failed)} not ok"
    return "\n".join([lines, count, *failed])
