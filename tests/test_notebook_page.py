"""The notebook in docs: whole, with what it printed, and its cells run in order on the tables of another run."""

import nbformat
import numpy as np
import pandas as pd
import pytest
from example_tables import example
from matplotlib import pyplot as plt

from dormouse.tables import write_table

MOST_BYTES = 300_000
PAIRS = [("VISp", "VISl", 0.8, 0.9), ("VISp", "VISal", 0.2, -0.1), ("VISl", "VISal", 0.4, 1.0)]


@pytest.fixture(scope="module")
def page(root):
    return nbformat.read(root / "docs/figure_from_tables.ipynb", as_version=4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder beside results/demo, whose tables hold PAIRS among rows that the figure must leave out."""
    columns = ["area", "other_area", "r", "rho"]
    pairs = pd.DataFrame(PAIRS, columns=columns)
    first = pd.concat([example("site_similarity").iloc[[0]]] * 3, ignore_index=True)
    alike = first.assign(cortical_layer="all", other_cortical_layer="all", **pairs[["area", "other_area", "r"]])
    layers = alike.assign(cortical_layer="4", other_cortical_layer="4", r=9.0)
    own = {"varies": "areas", "method": "rsa_pearson", "other_method": "rsa_pearson", "cortical_layer": "all"}
    first = pd.concat([example("agreement").iloc[[0]]] * 3, ignore_index=True)
    order = first.assign(**own, n_networks=7, **pairs[["area", "other_area", "rho"]])
    order = order.assign(low=order.rho - 0.2, high=order.rho + 0.1)
    order.loc[2, ["low", "high"]] = np.nan
    others = [order.assign(rho=9.0, **{key: "other"}) for key in ("varies", "method")]
    tables = {
        "site_similarity": pd.concat([layers, alike]),
        "agreement": pd.concat([*others, order]),
        "models": example("models"),
    }
    for name, table in tables.items():
        write_table(name, table, tmp_path / f"results/demo/tables/{name}.parquet")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    return tmp_path / "docs"


def test_the_notebook_is_whole_small_and_was_run_in_order(page, root):
    nbformat.validate(page)
    assert (root / "docs/figure_from_tables.ipynb").stat().st_size < MOST_BYTES
    cells = [cell for cell in page.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"stream", "execute_result", "display_data"}
    assert not any(output.get("name") == "stderr" for output in outputs)


def test_its_cells_draw_what_the_tables_of_a_run_say(page, folder, capsys):
    plt.switch_backend("agg")
    found: dict = {}
    for cell in page.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "figure_from_tables.ipynb", "exec"), found)
    assert "3 pairs of areas, 7 networks" in capsys.readouterr().out
    points, bars = found["ax"].lines[0], found["ax"].collections[0]
    np.testing.assert_allclose(points.get_xydata(), [(r, rho) for _, _, r, rho in PAIRS])
    ends = [segment[:, 1] for segment in bars.get_segments()[:2]]  # where rho is 1, there is none
    np.testing.assert_allclose(ends, [[0.7, 1.0], [-0.3, 0.0]])
    assert (folder / "figure_from_tables.pdf").read_bytes().startswith(b"%PDF")
    plt.close("all")
