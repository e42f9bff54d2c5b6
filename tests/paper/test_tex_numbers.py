"""Numbers of a run as TeX: the planted ones, under names that TeX can read, with text that it shows as it is."""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from example_tables import example

from dormouse.columns import TABLES
from dormouse.errors import InputError
from dormouse.paper.exports.tex_numbers import escaped, named, write_numbers
from dormouse.tables import read_tables

UNESCAPED = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\ensuremath{-}": "-",
    **{f"\\{letter}": letter for letter in "{}$&%#_"},
}


def as_shown(tex):
    """What TeX shows of a text that holds only what `UNESCAPED` knows."""
    found, rest = "", tex
    while rest:
        token = next((token for token in UNESCAPED if rest.startswith(token)), rest[0])
        assert token not in "{}$&%#_~^\\", tex
        found, rest = found + UNESCAPED.get(token, token), rest[len(token) :]
    return found


def parse(text):
    r"""Read a file of numbers as TeX would: \dormouseset and four groups, braces nested, behind it nothing else."""
    found = {}
    lines = [line for line in text.splitlines() if line.startswith("\\dormouseset")]
    for line in lines:
        rest, groups = line.removeprefix("\\dormouseset"), []
        for _ in range(4):
            assert rest[0] == "{"
            depth, end = 0, 0
            for end, letter in enumerate(rest):
                if end == 0 or rest[end - 1] != "\\":
                    depth += {"{": 1, "}": -1}.get(letter, 0)
                if depth == 0:
                    break
            groups.append(rest[1:end])
            rest = rest[end + 1 :]
        assert rest == "" and tuple(groups[:3]) not in found
        found[tuple(groups[:3])] = groups[3]
    return found


def interval(method, area, layer, model, estimate, **more):
    known = {"statistic": "pooled", "over": "images", "low": estimate - 0.1, "high": estimate + 0.1, "choice": "same_data"}
    return known | {"method": method, "area": area, "cortical_layer": layer, "model": model, "estimate": estimate} | more


def answer(contrast, method, area, **more):
    known = {"kind": "pairs", "first": "trained networks", "second": "random ones", "cortical_layer": "all"}
    numbers = {"estimate": 0.0456, "low": -0.0123, "high": 0.1, "effect_size": 1.234, "q": 0.000012, "n_units": 12}
    words = {"verdict": "positive", "sentence": "By RSA & 100 % sure, p < .05_x."}
    return known | numbers | words | {"contrast": contrast, "method": method, "area": area} | more


@pytest.fixture
def tables():
    """A run of two networks, `a` and `b`, by two methods in two areas."""
    found = {name: read_tables(name, []) for name in TABLES}
    found["stimuli"] = pd.DataFrame({"stimulus": ["s1", "s1", "s2"]})
    found["models"] = pd.DataFrame({"model": ["a", "b"], "display_name": ["Net_A 50%", "B{x}"]})
    found["intervals"] = pd.DataFrame(
        [
            interval("rsa", "VISp", "all", "a", 0.4),
            interval("rsa", "VISp", "all", "b", 0.30049),
            interval("rsa", "VISl", "all", "a", 0.1),
            interval("rsa", "VISl", "all", "b", -0.05, low=None),
            interval("rsa", "VISp", "2/3", "b", 0.9),
            # of the mean over animals, which is shown where it is there, b is best
            interval("ridge", "VISp", "all", "a", 0.4),
            interval("ridge", "VISp", "all", "b", 0.3),
            interval("ridge", "VISp", "all", "a", 0.2, statistic="mean_over_animals"),
            interval("ridge", "VISp", "all", "b", 0.21, statistic="mean_over_animals"),
        ]
    )
    found["methods"] = pd.DataFrame({"method": ["rsa"], "target": ["rdm"], "selection": ["paper"]})
    found["ceilings"] = pd.DataFrame(
        [("rdm", "paper", "VISp", "all", None, 0.9), ("rdm", "strict", "VISp", "all", None, 0.1)],
        columns=["target", "selection", "area", "cortical_layer", "neuron", "ceiling"],
    )
    rows = [("paper", "VISp", "m1", True), ("paper", "VISp", "m2", False), ("paper", "VISl", "m3", True)]
    found["neurons"] = pd.DataFrame(rows, columns=["selection", "area", "animal", "kept"])
    several = {"kind": "groups", "first": "Convolutional", "second": "MLP-Mixer"}
    found["comparisons"] = pd.DataFrame(
        [
            answer("training", "rsa", "all"),
            answer("training", "rsa", "VISp", estimate=None, low=None, high=None),
            answer("architecture", "rsa", "all", **several),
            answer("architecture", "rsa", "all", **several | {"second": "Transformer"}, estimate=-0.5),
            answer("methods", "rsa, ridge", "all", kind="agreement", estimate=0.987),
        ]
    )
    verdicts = [("hard", "agrees"), ("hard", "agrees"), ("hard", "differs"), ("soft", "not run")]
    found["replication"] = pd.DataFrame(verdicts, columns=["kind", "verdict"])
    return found


PLANTED = {
    ("images", "run", "all"): "2",
    ("networks", "run", "all"): "2",
    ("neurons", "paper", "VISp"): "1",
    ("recorded", "paper", "VISp"): "2",
    ("animals", "paper", "all"): "2",
    ("best", "rsa", "VISp"): "Net_A 50%",
    ("score", "rsa", "VISp"): "0.400",
    ("low", "rsa", "VISp"): "0.300",
    ("high", "rsa", "VISp"): "0.500",
    ("networks", "rsa", "VISp"): "2",
    ("best", "rsa", "VISp-2_3"): "B{x}",
    ("ceiling", "rsa", "VISp"): "0.900",
    ("best", "rsa", "all"): "Net_A 50%",
    ("score", "rsa", "all"): "0.250",
    ("best", "ridge", "VISp"): "B{x}",
    ("score", "ridge", "VISp"): "0.210",
    ("training.estimate", "rsa", "all"): "0.046",
    ("training.low", "rsa", "all"): "-0.012",
    ("training.effect_size", "rsa", "all"): "1.23",
    ("training.n_units", "rsa", "all"): "12",
    ("training.verdict", "rsa", "VISp"): "positive",
    ("training.sentence", "rsa", "all"): "By RSA & 100 % sure, p < .05_x.",
    ("architecture-convolutional-transformer.estimate", "rsa", "all"): "-0.500",
    ("architecture-convolutional-mlp-mixer.estimate", "rsa", "all"): "0.046",
    ("methods.estimate", "rsa+ridge", "all"): "0.99",
    ("agrees", "hard", "all"): "2",
    ("differs", "hard", "all"): "1",
    ("not-run", "soft", "all"): "1",
}


@pytest.fixture
def file(tables, tmp_path):
    write_numbers(tmp_path / "numbers.tex", tables, "Mice")
    return tmp_path / "numbers.tex"


def test_the_planted_numbers_stand_under_their_names(file):
    found = parse(file.read_text(encoding="utf-8"))
    assert {name: as_shown(found[name]) for name in PLANTED} == PLANTED
    assert found["training.q", "rsa", "all"] == r"1.2\ensuremath{\times10^{-5}}"
    # what is missing has no name: TeX stops there, and nothing is made up
    assert ("training.estimate", "rsa", "VISp") not in found and ("low", "rsa", "VISl-4") not in found
    assert all(re.fullmatch(r"[A-Za-z0-9.+_-]+", part) for name in found for part in name)


def test_another_number_in_a_table_is_another_in_the_file(tables):
    tables["intervals"].loc[1, "estimate"] = 0.77
    assert named(tables)["score", "rsa", "VISp"] == "0.770" and named(tables)["best", "rsa", "VISp"] == r"B\{x\}"


def test_names_that_become_one_are_refused(tables):
    tables["intervals"] = pd.DataFrame([interval("rsa", area, "all", "a", 0.1) for area in ("é", "è")])
    with pytest.raises(InputError, match="two numbers are named"):
        named(tables)


def test_tables_of_any_content_and_without_any_make_a_file_that_can_be_read(tmp_path):
    for tables in ({name: example(name) for name in TABLES}, {name: read_tables(name, []) for name in TABLES}):
        write_numbers(tmp_path / "numbers.tex", tables, "a % title\nin two lines")
        assert len(parse((tmp_path / "numbers.tex").read_text())) == len(named(tables)) >= 2


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("1.2e-05", r"1.2\ensuremath{\times10^{-5}}"),
        ("-0.5", r"\ensuremath{-}0.5"),
        ("ResNet-50 at 3-4", "ResNet-50 at 3-4"),
        ("0.1 to -0.2", r"0.1 to \ensuremath{-}0.2"),
        ("a\\b~c^d", r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d"),
    ],
)
def test_special_characters_and_numbers_are_written_as_tex_shows_them(text, tex):
    assert escaped(text) == tex


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
def test_latex_shows_the_numbers_and_stops_at_an_unknown_name(file):
    shown = r"\typeout{<\dormouse{best}{rsa}{VISp-2_3}|\dormouse{score}{ridge}{VISp}|\dormouse{not-run}{soft}{all}>}"
    every = "\n\n".join(rf"\dormouse{{{what}}}{{{of}}}{{{where}}}" for what, of, where in parse(file.read_text()))

    def latex(text):
        page = rf"\documentclass{{article}}\begin{{document}}\input{{numbers}}{text}\end{{document}}"
        (file.parent / "page.tex").write_text(page)
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
        return subprocess.run(command, cwd=file.parent, capture_output=True, text=True)

    done = latex(rf"\section{{\dormouse{{best}}{{rsa}}{{all}}}}{shown}{every}")
    assert done.returncode == 0, done.stdout
    assert r"<B\{x\}|0.210|1>" in done.stdout
    stopped = latex(r"\dormouse{score}{rsa}{VISam}")
    assert stopped.returncode != 0 and "no number score of rsa in VISam" in stopped.stdout
