"""Cases of what surrounds a run: the folder where it starts, and its environment."""

from cases import Case
from changes import instead, link_to_nothing


def beside(name, content):
    """Give what writes a file to the working directory."""
    return lambda mice, run: (run / name).write_bytes(content)


PLACE = {"LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1", "HOME": "nowhere"}

CASES = [
    Case("config.yaml of the working directory", beside("config.yaml", b"selection: {min_neurons: 5}")),
    Case(
        "an unknown key in config.yaml of the working directory",
        beside("config.yaml", b"selecton: {min_neurons: 5}"),
        refused=r"^Error: config\.yaml: unknown key 'selecton'\. Did you mean selection",
    ),
    Case(
        "--configfile over config.yaml of the working directory",
        beside("config.yaml", b"selection: {min_neurons: 2}"),
        refused=r"^Error: config\.yaml: selection\.min_neurons: 2 is less than",
        config={"selection": {"min_neurons": 5}},
    ),
    Case(
        "results is a link to a disk that is not there",
        instead("run/results", link_to_nothing),
        refused=r"^Error: results: a file, or a link to nothing; expected a folder, or nothing\. Move it away",
    ),
    Case("another place and language, and a home that is no folder", beside("nowhere", b""), environment=PLACE),
]
