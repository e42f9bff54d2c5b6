"""How alike the RDMs of two sites are, and how near those of a run come to published ones.

Two RDMs are compared by Pearson's r of their upper triangles, as a network's and a site's are. With few neurons, r is low
because of noise, whatever the sites have in common.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dormouse.methods.rdms import upper_triangles
from dormouse.methods.rsa import pearson
from dormouse.recordings.dataset_folder import check_similarity, read_similarity
from dormouse.tables import WHOLE

SITE = ["area", "cortical_layer", "n_neurons"]
Sites = Mapping[str, np.ndarray]  # rdm (n_sites, n_stimuli, n_stimuli); area, cortical_layer and n_neurons (n_sites,)


def read_published(path: str | Path, areas: Sequence[str]) -> dict[str, np.ndarray]:
    """Read the sites of those areas that a file of similarities has, at least one; see `read_similarity`."""
    there = {area for area, _ in check_similarity(Path(path))[0].values()}
    found = [read_similarity(path, area) for area in areas if area in there]
    return {name: np.concatenate([area[name] for area in found]) for name in ("rdm", *SITE)}


def compare_sites(sites: Sites) -> pd.DataFrame:
    """Return the table `site_similarity`, without `selection`: each pair of whole areas, and each pair of their layers."""
    table, whole = _table(sites), sites["cortical_layer"] == WHOLE
    patterns = upper_triangles(sites["rdm"])
    r = pearson(patterns, patterns)
    first, second = np.triu_indices(len(r), k=1)
    same_kind = whole[first] == whole[second]
    first, second = first[same_kind], second[same_kind]
    others = table.iloc[second].add_prefix("other_").reset_index(drop=True)
    return pd.concat([table.iloc[first].reset_index(drop=True), others], axis=1).assign(r=r[first, second])


def compare_with_published(sites: Sites, published: Sites) -> pd.DataFrame:
    """Return the table `published_rdms`, without `selection`: each site that both have, and how alike their RDMs are.

    Where the run shows one stimulus more, this is the blank, which is its last. ASSUME the others stand in the same order,
    that of the Allen Institute's numbers of the scenes.
    """
    n = published["rdm"].shape[-1]
    theirs = dict(zip(_names(published), upper_triangles(published["rdm"]), strict=True))
    names, ours = _names(sites), upper_triangles(sites["rdm"][:, :n, :n])
    both = [k for k, name in enumerate(names) if name in theirs]
    r = [pearson(ours[k][None], theirs[names[k]][None])[0, 0] for k in both]
    return _table(sites).iloc[both].reset_index(drop=True).assign(r=np.array(r, float))


def _names(sites: Sites) -> list[tuple[str, str]]:
    return list(zip(sites["area"], sites["cortical_layer"], strict=True))


def _table(sites: Sites) -> pd.DataFrame:
    """Return area, cortical layer and number of neurons of each site; this is missing for similarities."""
    table = pd.DataFrame({name: sites[name] for name in SITE})
    return table.assign(n_neurons=table.n_neurons.where(table.n_neurons >= 0).astype("Int64"))
