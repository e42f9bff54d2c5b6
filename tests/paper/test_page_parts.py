"""Parts of the page: tables as HTML, pictures, linked plots, libraries."""

import base64
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from PIL import Image
from report_tables import NAMES, QUALITY, small_run

from dormouse.paper.facts import shown_methods
from dormouse.paper.libraries import as_script, datatables, vega
from dormouse.paper.linked_plots import linked_plots
from dormouse.paper.markup import html_table, number
from dormouse.paper.pictures import read_figures


def test_a_table_is_read_aloud_row_by_row():
    table = pd.DataFrame({"network": ["a<b", "c"], "score": [0.12345, np.nan], "n": [1234, 5], "ok": [True, False]})
    html = html_table(table, "A & B", links={"c": Markup("<a href=#c>c</a>")}, filters=["n"])
    assert "<caption>A &amp; B</caption>" in html and html.count("<th scope=col") == 4
    assert "<tr><th scope=row>a&lt;b<td>0.123<td>1,234<td>yes<tr>" in html
    assert "<tr><th scope=row><a href=#c>c</a><td><td>5<td>no</table>" in html
    assert "<th scope=col>score<th scope=col data-filter>n<th" in html and "<table><caption>" in html
    words = html_table(pd.DataFrame({"a": ["x"], "b": ["y"], "c": ["z"], "d": [0.5]}), "Words", kind="sortable")
    assert '<table class="sortable left">' in words and "<td>y<td>z<td>0.500" in words  # all stand left
    assert "<td class=l>y<td>0.500<td>0.250" in html_table(pd.DataFrame([["x", "y", 0.5, 0.25]]), "Numbers")


def test_zero_has_no_sign():
    assert [number(value) for value in (-0.0001, 0.0, -0.0006, 12.5)] == ["0.000", "0.000", "-0.001", "12.500"]


def test_figures_are_grouped_and_their_pictures_are_faithful(tmp_path):
    drawn = Image.effect_noise((40, 30), 80).convert("RGB")  # of more than a hundred greys
    drawn.save(tmp_path / "one.png")
    drawn.save(tmp_path / "two.png")
    rows = [("one", "neurons", ""), ("two", "rankings", "there is nothing."), ("pages", "neurons", "")]
    rows += [("others", "rankings", "no pages.")]
    index = pd.DataFrame(rows, columns=["name", "section", "not_drawn"]).assign(title="T", caption="C", figure="f")
    index.to_csv(tmp_path / "index.csv", index=False)
    found = read_figures(tmp_path / "index.csv")
    assert {section: [row["name"] for row in rows] for section, rows in found.items()} == {
        "neurons": ["one"],
        "rankings": ["two", "others"],
    }
    assert "picture" not in found["rankings"][0]
    (one,) = found["neurons"]
    kind, _, code = one["picture"].partition(",")
    assert kind == "data:image/webp;base64" and (one["width"], one["height"]) == (40, 30)
    with Image.open(io.BytesIO(base64.b64decode(code))) as image:
        np.testing.assert_allclose(np.asarray(image.convert("RGB"), float), np.asarray(drawn, float), atol=12)


@pytest.fixture(scope="module")
def run():
    return small_run()


def test_points_of_the_plots_are_mean_scores(run):
    plots = linked_plots(run, shown_methods(run))
    described = json.loads(plots["description"])
    (points,) = described["datasets"].values()
    assert plots["both"] and [panel["name"] for panel in described["hconcat"]] == ["methods", "parameters"]
    for point, (model, name) in zip(points, NAMES.items(), strict=True):
        assert point["name"] == name and point["score0"] == point["score1"] == pytest.approx(QUALITY[model] + 0.005)
        assert point["place"] == f"network-{model}"
    assert [point["n_parameters"] for point in points] == [60_000_000, 11_000_000, 11_000_000, None]
    titles = [panel["encoding"][axis]["title"] for panel in described["hconcat"] for axis in "xy"]
    assert titles == ["mean score, RSA", "mean score, Ridge", "parameters", "mean score, Ridge"]
    assert {parameter["name"] for parameter in described["params"]} == {"frame", "kind"}
    assert "<Pixels>" not in plots["description"] and plots["drawing"].startswith("<svg")


def test_what_a_method_reads_tells_its_axis_and_not_the_name_of_its_family(run):
    renamed = run | {"methods": run["methods"].assign(family="of_a_user")}
    plots, expected = (linked_plots(tables, shown_methods(tables)) for tables in (renamed, run))
    assert plots["both"] and plots["description"] == expected["description"]
    one_kind = run | {"methods": run["methods"].assign(target="rdm_zscored")}
    assert not linked_plots(one_kind, shown_methods(one_kind))["both"]


def test_without_regression_there_is_one_plot_and_without_scores_none(run):
    rsa = run | {"best_layers": run["best_layers"][run["best_layers"].method == "rsa_mine"]}
    plots = linked_plots(rsa, shown_methods(rsa))
    assert not plots["both"] and len(json.loads(plots["description"])["hconcat"]) == 1
    nothing = run | {"best_layers": run["best_layers"][:0]}
    assert linked_plots(nothing, shown_methods(nothing)) is None


def test_libraries_cannot_end_the_script_they_stand_in():
    assert as_script("'</script><!--'") == "(()=>{'<\\/script><\\!--'})()"
    for library, name in ((datatables(), "jQuery:"), (vega(), "window.vegaEmbed=")):
        assert name in library and "</script" not in library and not re.search(r"export ?\{", library)
