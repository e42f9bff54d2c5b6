"""The report of a zoo: its size, what writing it takes, and how soon it is open.

python tests/benchmarks/report.py [FOLDER]

The zoo is made up: all networks of models.tsv and more, 35,000 layers, six areas and their cortical layers, every method that
is run by default. Tables, figures and report are left in FOLDER, if one is given.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from measure import print_machine, run

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from browser import CHROMIUM, chromium, opened  # noqa: E402
from example_tables import completed  # noqa: E402
from zoos import AREAS, made_up_run  # noqa: E402

from dormouse.paper.drawing import draw_figures  # noqa: E402
from dormouse.paper.libraries import datatables, vega  # noqa: E402
from dormouse.paper.listing import list_figures  # noqa: E402
from dormouse.tables import write_table  # noqa: E402
from dormouse.written import read_yaml  # noqa: E402

N_NETWORKS, N_LAYERS, SITES, REPEATS = 235, 35_000, ("all", "2/3", "4", "5"), 5
PRESETS = "paper", "strict", "mousenet", "zscored"  # as in config.yaml
ATTESTED = {name: "0123456789abcdef" * 4 for name in ("weights_sha256", "transform_sha256", "stimuli_sha256")} | {
    "address": "https://a.place.where/weights/are/published/network_with_a_name-0123456789.pth",
    "fingerprint": json.dumps([[-0.0123456] * 5] * 3),
    "versions": json.dumps(dict.fromkeys(("dormouse", "numpy", "timm", "torch", "torchvision"), "1.0.31")),
    "input": json.dumps(
        {"channels": "rgb", "interpolation": "bilinear", "mean": [0.485] * 3, "range": 1, "size": 224, "std": [0.229] * 3}
    ),
}  # as long as what attests to real networks
WRITE = """
import sys
from pathlib import Path
from dormouse.paper.pictures import read_figures
from dormouse.paper.report import read_shown, write_report
from dormouse.written import read_yaml
root, folder = map(Path, sys.argv[1:])
headings = read_yaml(root / "resources/figures.yaml")["sections"]
citations = read_yaml(root / "resources/citations.yaml")
tables, figures = read_shown(sorted(folder.glob("tables/*.parquet"))), read_figures(folder / "figures/index.csv")
write_report(root / "workflow/report/report.html", folder / "report.html", tables, headings, figures, citations)
"""
OPENED = """() => {
  const [shown] = performance.getEntriesByType("navigation"), [paint] = performance.getEntriesByName("first-contentful-paint");
  return {load: shown.loadEventEnd, paint: paint.startTime, nodes: document.querySelectorAll("*").length};
}"""


def make_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Write the tables of a made-up zoo, with as many layers as the networks of the paper have, and return them."""
    tables = made_up_run(N_NETWORKS, AREAS, cortical_layers=SITES, presets=PRESETS)
    models = tables["models"]
    n_layers = np.random.default_rng(0).multinomial(N_LAYERS, np.full(len(models), 1 / len(models)))
    of_site = (
        tables["best_layers"].merge(models[["model"]].assign(n=n_layers), on="model").drop(columns="n_layers", errors="ignore")
    )
    rows = of_site.loc[of_site.index.repeat(of_site.n)].reset_index(drop=True)
    index = rows.groupby(of_site.index.repeat(of_site.n)).cumcount() + 1
    depth = index / rows.n
    layers = rows.assign(
        layer_index=index, layer_depth=depth, layer="Conv2d-" + index.astype(str), path="block." + index.astype(str)
    )
    layers["score"] = rows.score - 0.3 * (depth - rows.layer_depth) ** 2 + np.random.default_rng(1).normal(0, 0.003, len(rows))
    tables |= {"models": models.assign(n_layers=n_layers, **ATTESTED), "scores": completed("scores", layers)}
    tables["differences"] = _differences(tables["intervals"])
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(name, table, folder / f"tables/{name}.parquet")
    return tables


def _differences(intervals: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of all pairs of networks in whole areas."""
    at = ["method", "selection", "area", "cortical_layer", "statistic", "over"]
    rows = intervals[(intervals.cortical_layer == "all") & (intervals.statistic == "mean_over_animals")]
    pairs = rows.merge(rows[[*at, "model", "estimate"]], on=at, suffixes=("", "_other")).rename(
        columns={"model_other": "other"}
    )
    pairs = pairs[pairs.model < pairs.other]
    difference = pairs.estimate - pairs.estimate_other
    return completed("differences", pairs.assign(difference=difference, q=np.exp(-60 * difference.abs())))


def draw(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Draw the figures that the report shows."""
    table, presets = (read_yaml(ROOT / f"resources/{name}.yaml") for name in ("figures", "methods"))
    shown = {name: row for name, row in table["figures"].items() if not row.get("pages")}
    of = {"method": list(tables["methods"].method), "area": list(AREAS), "model": list(tables["models"].model), "variant": []}
    (folder / "figures").mkdir(exist_ok=True)
    figures = list_figures(shown, of, presets["presets"])
    draw_figures(shown, figures, sorted((folder / "tables").glob("*.parquet")), folder / "figures", threads=2)


def measure(folder: Path) -> None:
    """Write the report of a folder, open it, and print what that takes."""
    seconds, peak = run([sys.executable, "-c", WRITE, str(ROOT), str(folder)])
    path = folder / "report.html"
    pictures = sum(
        part.count("") for part in path.read_text(encoding="utf-8").split('src="data:')[1:] for part in [part.split('"')[0]]
    )
    print(f"\nWritten in {seconds:.0f} s, peak {peak:.0f} MiB\n\n| part | MB |\n|---|---:|")
    sizes = {"report.html": path.stat().st_size, "its figures": pictures, "DataTables": len(datatables()), "Vega": len(vega())}
    for part, size in sizes.items():
        print(f"| {part} | {size / 1e6:.2f} |")
    if not CHROMIUM:
        return
    found = []
    with chromium() as browser:
        for _ in range(REPEATS):
            with opened(browser, path) as page:
                found.append(page.evaluate(OPENED))
    table = pd.DataFrame(found).median()
    print(f"\nOpened in Chromium, median of {REPEATS}: first paint after {table.paint / 1000:.2f} s, all there after "
          f"{table.load / 1000:.2f} s, {table.nodes:,.0f} elements")  # fmt: skip


def main() -> None:
    """Make up a zoo, or take that of a folder, and measure its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where all is left, and taken from where it is there")
    folder = parser.parse_args().folder
    print_machine("pandas", "altair", "itables", "vl-convert-python")
    with tempfile.TemporaryDirectory() as name:
        folder = folder or Path(name)
        if not (folder / "figures/index.csv").exists():
            draw(make_tables(folder), folder)
        measure(folder)


if __name__ == "__main__":
    main()
