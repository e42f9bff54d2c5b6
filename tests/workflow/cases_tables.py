"""Cases of neurons.csv; tests/recordings/test_folder_bad_tables.py has the others."""

from cases import Case


def replaced(old, new):
    def replace(mice, run):
        path = mice / "neurons.csv"
        path.write_text(path.read_text().replace(old, new))

    return replace


CASES = [
    Case(
        "no neurons.csv",
        lambda mice, run: (mice / "neurons.csv").unlink(),
        refused=r"mice/neurons\.csv: not found\. Expected one row per neuron",
    ),
    Case("a neuron twice", replaced("\n205,", "\n103,"), refused=r"mice/neurons\.csv: neuron 103 stands in lines 5, 17"),
    Case(
        "a layer named all",
        replaced("VISp,2/3", "VISp,all"),
        refused=r"neurons\.csv: line 2: layer is 'all': 'all' is reserved for the whole area",
    ),
    Case(
        "a space behind an area",
        replaced("VISp,2/3", "VISp ,2/3"),
        refused=r"neurons\.csv: line 2: area is 'VISp ': remove the space",
    ),
]
