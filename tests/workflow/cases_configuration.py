"""Cases of the configuration."""

from cases import Case

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
]
