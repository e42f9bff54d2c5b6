"""Cases of the configuration."""

from cases import Case
from changes import NOT_A_NAME, OF_MAPPINGS, instead, pipe, written


def moved(mice, run):
    """Move the data set to where its path holds spaces, quotes and a star."""
    place = run / "-a 'c' \"d\" * $x é"
    place.mkdir()
    mice.rename(place / "mice")
    (place / "mice/stimuli/image_3.png").rename(place / "mice/stimuli/image_3 ' \" * é.png")


LINE = {"source": "timm", "name": "resnet18", "weights": "random"}


CASES = [
    Case("unknown key", config={"selecton": {"min_neurons": 3}}, refused=r"\bselecton\b"),
    Case("unknown key of a section", config={"selection": {"min_neuron": 3}}, refused=r"\bselection\b.*\bmin_neuron\b"),
    Case(
        "value out of range", config={"selection": {"min_neurons": 2}}, refused=r"\bselection\b.*\bmin_neurons\b.*\b2\b.*\b3\b"
    ),
    Case(
        "missing data set",
        config={"dataset": "../nowhere"},
        refused=r"config: dataset: .*nowhere is not a folder; expected allen, demo or",
    ),
    Case(
        "numbers behind --config",
        lambda mice, run: mice.rename(run / "2021"),
        arguments=["-n", "--config", "selection={min_reliability: 0.3}", "dataset=2021"],
    ),
    Case(
        "20,000 seeds",
        config={"models": {"seeds": list(range(20_000))}},
        refused=r"seeds: expected at most 100 values, got 20,",
    ),
    Case("a size of a billion", config={"input": {"size": 10**9}}, refused=r"input\.size: 1000000000 is greater than .* 4096"),
    Case(
        "keys that are numbers",
        config="{1: 2}",
        refused=r"overrides\.yaml: expected text as a key, got 1\. Put the key in quo",
    ),
    Case(
        "a contrast without its sides",
        config={"contrasts": {"add": {"mine": {"question": "Does it?", "kind": "pairs"}}}},
        refused=r"config: contrasts\.add\.mine: no key first, which the kind pairs needs",
    ),
    Case(
        "a contrast of a column that is not there",
        config={"contrasts": {"add": {"mine": {"question": "Does it?", "kind": "groups", "compare": "colour"}}}},
        refused=r"config: contrasts\.add: mine\.compare: .*colour",
    ),
    Case("a date", config="run: 2021-01-01", refused=r"run: expected text, .* got a date, '2021-01-01'\. Put text in quotes"),
    Case(
        "aliases of mappings",
        written("run/config.yaml", OF_MAPPINGS),
        refused=r"config\.yaml: line 6: more than 100,000 values",
    ),
    Case(
        "a configuration in Latin-1",
        written("run/config.yaml", "run: \xe9".encode("latin-1")),
        refused=r"config\.yaml: line 1: not UTF-8",
    ),
    Case(
        "a configuration that is a pipe",
        instead("run/config.yaml", pipe),
        refused=r"config\.yaml: a pipe or a device; expected a file",
    ),
    Case(
        "a deep configuration",
        written("run/config.yaml", "[" * 100_000),
        refused=r"config\.yaml: nested too deeply; expected at most 40",
    ),
    Case(
        "a file of --configfile in Latin-1",
        config="run: \xe9".encode("latin-1"),
        refused=r"overrides\.yaml: line 1: not UTF-8 \(byte 0xe9\)",
    ),
    Case(
        "a file of --configfile that is no YAML",
        config="run: [a\nb: }",
        refused=r"overrides\.yaml: not readable as YAML \(line",
    ),
    Case(
        "a deep file of --configfile", config="[" * 100_000, refused=r"overrides\.yaml: nested too deeply; expected at most 40"
    ),
    Case(
        "aliases in a file of --configfile", config=OF_MAPPINGS, refused=r"overrides\.yaml: line 6: more than 100,000 values"
    ),
    Case(
        "a template as a file of --configfile",
        config="__use_yte__: true\n__definitions__: [import os, os.mkdir('results/kernels/a/b/c')]\n",
        refused=r"overrides\.yaml: key __use_yte__: Dormouse runs no code",
    ),
    Case("a run that leaves the results", config={"run": "../x"}, refused=rf"run: '\.\./x' {NOT_A_NAME}"),
    Case(
        "a line break in the name of a model", config={"models": {"add": {"x\n": LINE}}}, refused=rf"add: 'x\\n' {NOT_A_NAME}"
    ),
    Case(
        "a long name of a model",
        config={"models": {"add": {"x" * 101: LINE}}},
        refused=rf"models\.add: 'xxx.*\.\.\. {NOT_A_NAME}",
    ),
    Case(
        "a variant that leaves the results",
        config={"mousenet": {"variants": {"../../x": {}}}},
        refused=rf"variants: '\.\./\.\./x' {NOT_A_NAME}",
    ),
    Case(
        "a method that leaves the results",
        config={"methods": {"add": {"a/b": {}}}},
        refused=rf"methods\.add: 'a/b' {NOT_A_NAME}",
    ),
    Case(
        "spaces, quotes and a star in paths",
        moved,
        config={"dataset": "-a 'c' \"d\" * $x é/mice"},
        arguments=["results/mice/recordings/two.npz", "read_stimuli"],
    ),
    Case("a line break in a path", config={"dataset": "../mice\n"}, refused=r"dataset: '\.\./mice\\n' cannot be a path"),
    Case(
        "a file of --configfile with nothing but a comment",
        config="# dataset: demo\n",
        refused=r"^Error: \S+\.yaml: expected keys and values, as `dataset: demo`; got nothing\.",
    ),
    Case(
        "a method side by side that is none",
        config={"figures": {"methods": ["xx"]}},
        refused=r"^Error: .*xx",
    ),
    Case(
        "angle brackets in a path",
        config={"dataset": "../<mice>"},
        refused=r"dataset: '\.\./<mice>' cannot be a path; .* without braces and < >",
    ),
    Case(
        "braces in a path",
        config={"dataset": "../{mice}"},
        refused=r"dataset: '\.\./{mice}' cannot be a path; .* without braces",
    ),
]
