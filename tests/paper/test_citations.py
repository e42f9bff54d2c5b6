"""What a run rests on: only what it used is cited, and every entry can be."""

import re

import pytest
from report_tables import small_run

from dormouse.columns import TABLES
from dormouse.paper.citations import used
from dormouse.paper.report import SHOWN
from dormouse.schemas import check
from dormouse.written import read_yaml


@pytest.fixture(scope="module")
def citations(root):
    return read_yaml(root / "resources/citations.yaml")


def keys(citations, tables):
    return {entry["key"] for entry in used(citations, tables)}


def test_what_a_run_did_not_use_is_not_cited(citations):
    run = small_run()
    found = keys(citations, run)
    assert {"kriegeskorte2008", "li2006", "torchvision2016", "wightman2019", "russakovsky2015", "rubin1981"} <= found
    assert found.isdisjoint({"shi2022", "zamir2018", "goyal2021", "devries2020", "prusky2000", "vinje2000"})
    assert "shi2022" in keys(citations, run | {"models": run["models"].assign(source="mousenet")})
    assert "devries2020" in keys(citations, small_run(name="allen"))
    alone = {"methods": run["methods"][:1], "intervals": run["intervals"][:0]}
    assert found - keys(citations, run | alone) == {
        "hoerl1970",
        "allen1974",
        "li2006",
        "dasgupta2003",
        "schuett2023",
        "rubin1981",
    }


def test_every_entry_names_tables_and_columns_that_the_report_reads(citations, root):
    check(citations, read_yaml(root / "workflow/schemas/citations.schema.yaml"), "resources/citations.yaml")
    for key, entry in citations.items():
        for place in entry["when"]:
            name, _, column = place.partition(".")
            assert name in SHOWN and (not column or column in TABLES[name]), key


def test_text_and_bibtex_say_the_same(citations):
    for key, entry in citations.items():
        kind, name = re.match(r"@(\w+)\{(\w+),", entry["bibtex"]).groups()
        fields = dict(re.findall(r"^ *(\w+) *= \{(.*?)\},?$", entry["bibtex"], re.MULTILINE | re.DOTALL))
        assert name == key and kind in ("article", "inproceedings", "misc")
        assert entry["bibtex"].count("{") == entry["bibtex"].count("}")
        assert key.endswith(fields["year"]) and f"({fields['year']})" in entry["text"]
        if "doi" in fields:
            assert f"https://doi.org/{fields['doi']}" in entry["text"], key
        for part in ("volume", "number", "eprint"):
            assert fields.get(part, "") in entry["text"], key
        if "pages" in fields:
            assert fields["pages"].replace("--", "-") in entry["text"], key
        assert not set("[]") & set(entry["text"])
