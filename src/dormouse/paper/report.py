"""The report: one HTML file with everything in it, which opens offline and can be read without scripts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dormouse.columns import TABLES
from dormouse.features.model_table import look_random
from dormouse.files import atomic
from dormouse.paper.citations import used
from dormouse.paper.depth_curves import shared_axes
from dormouse.paper.evidence import chance_table, choice_table, interval_table, null_table, own_check, seed_table
from dormouse.paper.facts import Tables, run_facts, shown_methods
from dormouse.paper.libraries import datatables, vega
from dormouse.paper.linked_plots import linked_plots
from dormouse.paper.markup import NONE, html_table, network_links, number
from dormouse.paper.network_pages import network_pages
from dormouse.paper.neuron_tables import ceiling_table, combination_counts, distances_of_units, neuron_counts
from dormouse.paper.rankings import FILTERS, ranking, score_tables
from dormouse.paper.replication import ALLEN
from dormouse.paper.summary import replicated, summary
from dormouse.tables import read_tables, whole_areas

SHOWN = (  # tables that the page shows
    *(
        "run",
        "methods",
        "models",
        "scores",
        "best_layers",
        "ceilings",
        "neurons",
        "selection_counts",
        "unit_distances",
        "jobs",
    ),
    *("intervals", "differences", "animal_scores", "permutation_tests", "layer_choices", "seed_spread", "null_check"),
    *("comparisons", "recovery", "discriminability", "power", "agreement", "specificity", "replication"),
)
N_JOBS = 20  # that are shown, the slowest
CLOSING = {  # sections behind those of the figures: names of their templates, and their headings
    "scores": "Scores at every site, and how sure they are",
    "nulls": "Nulls and ceilings",
    "described": "Methods",
    "networks": "Networks",
    "citations": "What to cite",
    "made": "How this was made",
}


def read_shown(paths: Sequence[str | Path]) -> dict[str, pd.DataFrame]:
    """Read the tables that the page shows, each from the file of its name; those without a file are empty.

    Of `scores`, which may have millions of rows, the page shows whole areas by the methods that are set side by side.
    """
    tables = {name: read_tables(name, [path for path in paths if Path(path).stem == name]) for name in SHOWN}
    scores, methods = tables["scores"], tables["methods"]
    return tables | {"scores": whole_areas(scores[scores.method.isin(methods.method[methods.shown])])}


def write_report(
    template: str | Path,
    path: str | Path,
    tables: Tables,
    headings: Mapping[str, str],
    figures: Mapping[str, Sequence[Mapping]],
    citations: Mapping[str, Mapping],
) -> None:
    """Fill the page `template` and write it to `path`.

    Parameters
    ----------
    template : report.html, beside its parts, style.css and script.js
    tables : those of `SHOWN`
    headings : of the sections that have figures or a template of their own, by their names, in their order
    figures : of each section, see `pictures.read_figures`
    citations : resources/citations.yaml
    """
    folder = Path(template).parent
    pages = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, lstrip_blocks=True)
    pages.filters["number"] = number
    page = pages.get_template(Path(template).name).render(
        sections=[
            {"id": name, "title": title, "figures": figures.get(name, [])}
            for name, title in headings.items()
            if name in figures or (folder / f"sections/{name}.html").is_file()
        ],
        closing=list(CLOSING.items()),
        style=Markup((folder / "style.css").read_text(encoding="utf-8")),
        script=Markup((folder / "script.js").read_text(encoding="utf-8")),
        datatables=datatables(),
        vega=vega(),
        citations=used(citations, tables),
        **content(tables),
    )
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def content(tables: Tables) -> dict:
    """Return what the templates show of the tables of a run, by the names that they use."""
    run, shown, models = run_facts(tables["run"]), shown_methods(tables), tables["models"]
    targets = replicated(tables["replication"], run["name"] == ALLEN)
    return {
        "run": run,
        "is_study": run["name"] == ALLEN,
        "replication": targets and targets | _of_targets(targets),
        "check": own_check(tables["null_check"]),
        "summary": summary(tables, run, shown),
        "ranking": _shown(ranking(tables, shown), "Networks, by their mean score", network_links(models), FILTERS),
        "linked": linked_plots(tables, shown),
        "methods": _methods(tables, run["areas"]),
        **_data_tables(tables),
        "axes": shared_axes(tables, shown),
        "networks": network_pages(tables, shown, run["areas"]),
        "look_random": look_random(models),
        "jobs": html_table(tables["jobs"][:N_JOBS].drop(columns="started"), f"The {N_JOBS} slowest jobs", kind="sortable"),
        "versions": sorted(models.versions.unique()),
        "config": run["config_text"],
        "columns": {name: {column: text for column, (_, text) in columns.items()} for name, columns in TABLES.items()},
    }


def _of_targets(targets: Mapping) -> dict[str, Markup]:
    """Return published numbers as tables: those that differ, and all."""
    captions = {"differ": "Published numbers that differ", "targets": "Published numbers"}
    return {name: html_table(targets[name], caption, kind="words") for name, caption in captions.items() if len(targets[name])}


def _methods(tables: Tables, areas: Sequence[str]) -> list[dict]:
    """Return each row of the table of methods, with its scores, how certain they are, and what they were made with."""
    best, models = tables["best_layers"], tables["models"]
    rows = {row["method"]: row for row in tables["methods"].to_dict("records")}
    scores = score_tables(best, tables["ceilings"], models, areas, rows)
    found = []
    for name, row in rows.items():
        label = row["label"]
        evidence = {
            "intervals": (interval_table(tables["intervals"], models, areas, name), "Intervals and ranks"),
            "tests": (chance_table(tables["permutation_tests"], areas, name), "Networks above chance"),
            "choices": (choice_table(tables["layer_choices"], models, name), "Scores by the choice of layers"),
            "seeds": (seed_table(tables["seed_spread"], areas, name), "Random networks over seeds"),
        }
        shown = {key: _shown(table, f"{caption}, {label}") for key, (table, caption) in evidence.items()}
        made_by = best[best.method == name][["selection", "differs"]].drop_duplicates().to_dict("records")
        of_sites = _shown(scores[name], f"Scores at every site, {label}")
        found.append(row | {"scores": of_sites, "evidence": shown, "made_by": made_by})
    return found


def _shown(
    table: pd.DataFrame | None, caption: str, links: Mapping[str, Markup] = NONE, filters: Sequence[str] = ()
) -> Markup | None:
    """Return a table that can be sorted and searched."""
    return None if table is None else html_table(table, caption, kind="sortable", links=links, filters=filters)


def _data_tables(tables: Tables) -> dict[str, Markup | None]:
    """Return the tables of neurons, ceilings, nulls and units as HTML; None where the run has nothing of the kind."""
    counts = tables["selection_counts"]
    found = {
        "neurons": (tables["neurons"], neuron_counts, "Neurons, by selection and area"),
        "combinations": (counts[counts.agrees.notna()], lambda _: combination_counts(counts), "Combinations of filters"),
        "ceilings": (tables["ceilings"], ceiling_table, "Noise ceilings of sites"),
        "nulls": (tables["null_check"], null_table, "Scores of features that know nothing of the images"),
        "distances": (
            tables["unit_distances"],
            lambda distances: distances_of_units(distances, tables["models"]),
            "Distances of units from neurons",
        ),
    }
    return {name: _shown(made(table), caption) if len(table) else None for name, (table, made, caption) in found.items()}
