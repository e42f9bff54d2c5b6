"""The report: one HTML file with everything in it, to be opened offline."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from dormouse.columns import TABLES
from dormouse.files import atomic
from dormouse.tables import WHOLE, whole_areas


def picture(path: str | Path) -> str:
    """Return a PNG file as the address of an image inside a page."""
    return "data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode()


def neuron_counts(neurons: pd.DataFrame) -> pd.DataFrame:
    """Return neurons and animals by area: recorded, kept, and why others were left out."""
    grouped = neurons.groupby("area")
    counts = pd.DataFrame({"recorded": grouped.size(), "kept": grouped.kept.sum(), "animals": grouped.animal.nunique()})
    left_out = neurons[~neurons.kept].groupby(["area", "reason"]).size().unstack(fill_value=0)
    return counts.join(left_out).fillna(0).astype(int).reset_index()


def combination_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Return for each combination of filters the neurons it keeps, and how many published numbers agree; best first.

    Empty where nothing is published of the data set.
    """
    known = counts[counts.agrees.notna()]
    grouped = known.assign(agrees=known.agrees.astype(int)).groupby(["excitatory", "running", "responsive", "reliable"])
    table = pd.DataFrame({"agrees": grouped.agrees.sum(), "published": grouped.agrees.size()})
    everywhere = counts[(counts.area == WHOLE) & (counts.cortical_layer == WHOLE)]
    total = everywhere.set_index(["excitatory", "running", "responsive", "reliable"]).n_neurons.rename("neurons")
    return table.join(total).sort_values("agrees", ascending=False, kind="stable").reset_index()


def score_tables(
    best: pd.DataFrame, ceilings: pd.DataFrame, models: pd.DataFrame, areas: Sequence[str], variants: Mapping[str, str]
) -> dict[str, pd.DataFrame]:
    """Return for each metric the score of each model (rows) at each site (columns), and the ceilings in the last row.

    Sites are whole areas in the order of `areas`, or the cortical layers of one that the data set has in parts alone; models
    and sites without a score stand there with a gap. `variants` says which variant of each metric is shown.
    """
    named = whole_areas(best).merge(models[["model", "display_name"]], on="model")
    sites = [f"{area} {layer}" for area in areas for layer in sorted(named.cortical_layer[named.area == area].unique())]
    limits = ceilings[ceilings.neuron.isna()]
    limits = limits.assign(site=limits.area + " " + limits.cortical_layer)
    tables = {}
    for metric, variant in variants.items():
        rows = named[(named.metric == metric) & (named.variant == variant)]
        rows = rows.assign(site=rows.area + " " + rows.cortical_layer)
        table = rows.pivot(index="display_name", columns="site", values="score")
        table = table.reindex(index=sorted(models.display_name), columns=sites)
        table = table.assign(mean=table.mean(axis=1)).sort_values("mean", ascending=False, kind="stable")
        if len(limits):
            table.loc["noise ceiling"] = limits[limits.metric == metric].set_index("site").ceiling.reindex(table.columns)
        table = table.rename(columns=lambda site: site.removesuffix(f" {WHOLE}"))
        tables[metric] = table.rename_axis(index="network", columns=None).reset_index()
    return tables


def section(
    metric: str, variant: str, figure: str, caption: Template, best: pd.DataFrame, scores: Mapping[str, pd.DataFrame]
) -> dict:
    """Return what the page shows of one metric, with the methods and selections that its scores carry, each once."""
    shown = best[(best.metric == metric) & (best.variant == variant)]
    return {
        **{"metric": metric, "picture": picture(figure), "scores": as_html(scores[metric])},
        "caption": caption.render(snakemake={"wildcards": {"metric": metric}, "params": {"variant": variant}}),
        "made_by": shown[["preset", "selection"]].drop_duplicates().to_dict("records"),
    }


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
    figures: Sequence[str],
    captions: Sequence[str],
    variants: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Sequence[str]],
    dataset: Mapping,
    config: Mapping,
) -> None:
    """Fill the page `template` and write it to `path`.

    Parameters
    ----------
    figures : PNG files, one for each metric of `variants`
    captions : files of captions, named as the figures; what they ask of `snakemake` is there as in Snakemake's report
    variants : metric -> variant that is shown
    tables : best_layers, models, ceilings, neurons, selection_counts and unit_distances; all but the first two may be empty
    pictures : PNG files of the sections neurons and mousenet
    dataset : name, description, citation and areas
    config : the configuration of the run
    """
    folders = [Path(file).parent for file in (template, *captions)]
    escape = select_autoescape(default=True)
    pages = Environment(loader=FileSystemLoader(folders), autoescape=escape, undefined=StrictUndefined)
    models, neurons, counts = tables["models"], tables["neurons"], tables["selection_counts"]
    far, shown = tables["unit_distances"], zip(variants.items(), figures, strict=True)
    scores = score_tables(tables["best_layers"], tables["ceilings"], models, dataset["areas"], variants)
    caption = pages.get_template("scores.rst")
    page = pages.get_template(Path(template).name).render(
        dataset=dataset,
        sections=[section(*kind, file, caption, tables["best_layers"], scores) for kind, file in shown],
        neurons=as_html(neuron_counts(neurons)) if len(neurons) else None,
        combinations=as_html(combination_counts(counts)) if counts.agrees.notna().any() else None,
        distances=as_html(distances_of_units(far, models)) if len(far) else None,
        pictures={section: [(picture(file), Path(file).stem) for file in files] for section, files in pictures.items()},
        models=as_html(models.drop(columns="versions")),
        versions=sorted(models.versions.unique()),
        config=as_yaml(config),
        snakemake={"config": config},
        tables={name: {column: text for column, (_, text) in columns.items()} for name, columns in TABLES.items()},
    )
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def as_html(table: pd.DataFrame) -> str:
    """Return a table as HTML, numbers to three decimals."""
    return table.to_html(index=False, float_format="{:.3f}".format, border=0, na_rep="")


def as_yaml(config: Mapping) -> str:
    """Return the configuration as it was used."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
