"""The report: one HTML file with everything in it, which opens offline."""

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dormouse.columns import TABLES
from dormouse.features.model_table import look_random
from dormouse.files import atomic
from dormouse.inference.limits import JUDGED, limits
from dormouse.paper.evidence import answers, chance_table, choice_table, interval_table, own_check, seed_table
from dormouse.paper.facts import run_facts
from dormouse.tables import WHOLE, read_tables, whole_areas

SHOWN = (  # tables that the page shows
    *("run", "methods", "jobs"),
    *("best_layers", "models", "ceilings", "neurons", "selection_counts", "unit_distances"),
    *("intervals", "permutation_tests", "layer_choices", "seed_spread", "null_check", "comparisons"),
    *JUDGED,
)
N_JOBS = 20  # that are shown, the slowest
COMBINATION = ["selection", "excitatory", "running", "responsive", "reliable"]  # a selection sets trials, too


def picture(path: str | Path) -> str:
    """Return a PNG file as an address that embeds the image in a page."""
    return "data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode()


def read_shown(paths: Sequence[str | Path]) -> dict[str, pd.DataFrame]:
    """Read the tables that the page shows, each from the file of its name; those without a file are empty."""
    return {name: read_tables(name, [path for path in paths if Path(path).stem == name]) for name in SHOWN}


def read_index(path: str | Path) -> dict[str, list[dict]]:
    """Return the figures of each section of the page, from the index that `drawing.draw_figures` writes.

    Each has the columns of the index, and its `picture`, None where the page shows none.
    """
    found: dict[str, list[dict]] = defaultdict(list)
    for row in pd.read_csv(path, keep_default_na=False).to_dict("records"):
        file = Path(path).with_name(f"{row['name']}.png")
        found[row["section"]].append(row | {"picture": picture(file) if file.is_file() and not row["not_drawn"] else None})
    return found


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


def score_tables(
    best: pd.DataFrame, ceilings: pd.DataFrame, models: pd.DataFrame, areas: Sequence[str], methods: Mapping[str, Mapping]
) -> dict[str, pd.DataFrame]:
    """Return for each method the score of each model (rows) at each site (columns), and the ceilings in the last row.

    Sites are whole areas in the order of `areas`, or the cortical layers of an area that the data set has only in parts.
    Models and sites without a score leave a gap.
    """
    named = whole_areas(best).merge(models[["model", "display_name"]], on="model")
    sites = [f"{area} {layer}" for area in areas for layer in sorted(named.cortical_layer[named.area == area].unique())]
    limits = ceilings[ceilings.neuron.isna()]
    limits = limits.assign(site=limits.area + " " + limits.cortical_layer)
    tables = {}
    for name, method in methods.items():
        rows = named[named.method == name]
        rows = rows.assign(site=rows.area + " " + rows.cortical_layer)
        table = rows.pivot(index="display_name", columns="site", values="score")
        table = table.reindex(index=sorted(models.display_name), columns=sites)
        table = table.assign(mean=table.mean(axis=1)).sort_values("mean", ascending=False, kind="stable")
        if len(limits) and method["images"] != "some":
            own = limits[(limits.target == method["target"]) & (limits.selection == method["selection"])]
            table.loc["noise ceiling"] = own.set_index("site").ceiling.reindex(table.columns)
        table = table.rename(columns=lambda site: site.removesuffix(f" {WHOLE}"))
        tables[name] = table.rename_axis(index="network", columns=None).reset_index()
    return tables


def made_by(best: pd.DataFrame, method: str) -> list[dict]:
    """Return the selections of a method's scores, and the settings that differ from the defaults."""
    return best[best.method == method][["selection", "differs"]].drop_duplicates().to_dict("records")


def evidence(tables: Mapping[str, pd.DataFrame], areas: Sequence[str], method: str) -> dict[str, str | None]:
    """Return as HTML how certain the scores of a method are: intervals, tests, choices, seeds; None for what is not."""
    models = tables["models"]
    found = {
        "intervals": interval_table(tables["intervals"], models, areas, method),
        "tests": chance_table(tables["permutation_tests"], areas, method),
        "choices": choice_table(tables["layer_choices"], models, method),
        "seeds": seed_table(tables["seed_spread"], areas, method),
    }
    return {name: None if table is None else as_html(table) for name, table in found.items()}


def distances_of_units(distances: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Return for each network (rows) and quantity the Wasserstein distance to the neurons, mean over areas that both have."""
    same = distances[distances.area == distances.recorded_area]
    table = same.pivot_table(index="model", columns="quantity", values="wasserstein", sort=False)
    names = models.set_index("model").display_name
    return table.rename(index=names).rename_axis(index="network", columns=None).reset_index()


def render(
    template: str | Path,
    path: str | Path,
    *,
    figures: Mapping[str, Sequence[Mapping]],
    sections: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame],
    results: str,
) -> None:
    """Fill the page `template` and write it to `path`.

    Parameters
    ----------
    figures : of `read_index`
    sections : their headings, in the order of the page
    tables : those of `SHOWN`; all but run, methods, best_layers and models may be empty
    results : the folder of the run
    """
    pages = Environment(loader=FileSystemLoader(Path(template).parent), autoescape=True, undefined=StrictUndefined)
    dataset = run_facts(tables["run"]) | {"results": results}
    methods = {row["method"]: row for row in tables["methods"].to_dict("records")}
    best, models, neurons = tables["best_layers"], tables["models"], tables["neurons"]
    counts, far = tables["selection_counts"], tables["unit_distances"]
    scores = score_tables(best, tables["ceilings"], models, dataset["areas"], methods)
    page = pages.get_template(Path(template).name).render(
        dataset=dataset,
        check=own_check(tables["null_check"]),
        **_said(tables, {name: row["label"] for name, row in methods.items()}),
        figures=figures,
        sections=sections,
        methods=methods,
        scores={name: as_html(table) for name, table in scores.items()},
        made_by={name: made_by(best, name) for name in methods},
        evidence={name: evidence(tables, dataset["areas"], name) for name in methods},
        neurons=as_html(neuron_counts(neurons)) if len(neurons) else None,
        combinations=as_html(combination_counts(counts)) if counts.agrees.notna().any() else None,
        distances=as_html(distances_of_units(far, models)) if len(far) else None,
        look_random=look_random(models),
        models=as_html(models.drop(columns="versions")),
        versions=sorted(models.versions.unique()),
        jobs=as_html(tables["jobs"][:N_JOBS].drop(columns="started")),
        config=dataset["config_text"],
        tables={name: {column: text for column, (_, text) in columns.items()} for name, columns in TABLES.items()},
    )
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _said(tables: Mapping[str, pd.DataFrame], labels: Mapping[str, str]) -> dict[str, list[dict]]:
    """Return what may be said of networks, and what the data can decide."""
    return {"answers": answers(tables["comparisons"], labels), "limits": limits(tables, labels)}


def as_html(table: pd.DataFrame) -> str:
    """Return a table as HTML, numbers to three decimals."""
    return table.to_html(index=False, float_format="{:.3f}".format, border=0, na_rep="")
