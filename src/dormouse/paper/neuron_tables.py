"""What was recorded and kept, as tables, and how far units of networks are from neurons."""

import pandas as pd

from dormouse.tables import WHOLE

COMBINATION = ["selection", "excitatory", "running", "responsive", "reliable"]  # a selection sets trials, too


def neuron_counts(neurons: pd.DataFrame) -> pd.DataFrame:
    """Return numbers of neurons and animals by selection and area: recorded, kept, and left out for each reason."""
    grouped = neurons.groupby(["selection", "area"])
    counts = pd.DataFrame({"recorded": grouped.size(), "kept": grouped.kept.sum(), "animals": grouped.animal.nunique()})
    left_out = neurons[~neurons.kept].groupby(["selection", "area", "reason"]).size().unstack(fill_value=0)
    return counts.join(left_out).fillna(0).astype(int).reset_index()


def combination_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Return for each combination of filters how many neurons it keeps and how many published numbers agree; best first.

    Empty if nothing is published about the data set.
    """
    known = counts[counts.agrees.notna()]
    grouped = known.assign(agrees=known.agrees.astype(int)).groupby(COMBINATION)
    table = pd.DataFrame({"agrees": grouped.agrees.sum(), "published": grouped.agrees.size()})
    everywhere = counts[(counts.area == WHOLE) & (counts.cortical_layer == WHOLE)]
    total = everywhere.set_index(COMBINATION).n_neurons.rename("neurons")
    return table.join(total).sort_values("agrees", ascending=False, kind="stable").reset_index()


def ceiling_table(ceilings: pd.DataFrame) -> pd.DataFrame:
    """Return the ceilings of sites, those of whole areas where there are any."""
    sites = ceilings[ceilings.neuron.isna()]
    whole = sites[(sites.cortical_layer == WHOLE) | ~sites.area.isin(sites.area[sites.cortical_layer == WHOLE])]
    columns = ["area", "cortical_layer", "selection", "target", "n_neurons", "split_half_r", "inter_animal", "ceiling"]
    return whole[[*columns, "estimator"]]


def distances_of_units(distances: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Return for each network (rows) and quantity the Wasserstein distance to the neurons, mean over areas that both have."""
    same = distances[distances.area == distances.recorded_area]
    table = same.pivot_table(index="model", columns="quantity", values="wasserstein", sort=False)
    names = models.set_index("model").display_name
    return table.rename(index=names).rename_axis(index="network", columns=None).reset_index()
