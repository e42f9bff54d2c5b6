"""Cases of networks and their weights."""

import shutil
from pathlib import Path

import torch
from cases import Case

UNKNOWN = {"source": "timm", "name": "resnt18", "weights": "random"}
SQUEEZENET = {"source": "torchvision", "name": "squeezenet1_1"}


def other_weights(mice, run):
    torch.save({"conv1.weight": torch.zeros(3)}, run / "mine.pt")
    torch.save({"state_dict": {"w": torch.zeros(3)}, "state_dict_ema": {"w": torch.ones(3)}}, run / "two.pt")


def tables(content):
    """Give what puts tables of a MouseNet of the user's into run/tables."""

    def write(mice, run):
        (run / "tables").mkdir()
        for name in ("nodes", "connections"):
            shutil.copy(ROOT / f"resources/mousenet/{name}.tsv", run / "tables")
        (run / "tables/nodes.tsv").write_bytes(content)

    return write


MOUSENET = {
    "mousenet": {"variants": {"small": {"tables": "tables"}}},
    "models": {"add": {"net": {"source": "mousenet", "name": "small", "weights": "random"}}},
}
ROOT = Path(__file__).resolve().parents[2]


CASES = [
    Case(
        "tables of MouseNet that are not there",
        refused=r"^Error: config: mousenet\.variants\.small\.tables: no file 'tables/nodes\.tsv' in .*run\.$",
        config=MOUSENET,
    ),
    Case(
        "unknown network",
        config={"models": {"add": {"mine": UNKNOWN}}},
        refused=r"config: models\.add\.mine: timm has no network 'resnt18'\. Did you mean resnet18 or ",
    ),
    Case(
        "missing weights",
        config={"models": {"add": {"mine": SQUEEZENET | {"weights": "weights/mine.pt"}}}},
        refused=r"weights/mine\.pt",
    ),
    Case(
        "weights of another network, or of several",
        other_weights,
        refused=r"mine\.pt: the weights do not fit SqueezeNet: \d+ missing \(features\.0\.weight, .*1 unknown \(conv1\.weight",
        says=[
            r"two\.pt: 2 state dicts of the same network: state_dict, state_dict_ema\. Say by `key`",
            r"two\.pt: no state dict at key 'ema'; there are: state_dict, state_dict_ema\.",
        ],
        config={
            "models": {
                "include": [],
                "add": {
                    "mine": SQUEEZENET | {"weights": "mine.pt"},
                    "two": SQUEEZENET | {"weights": "two.pt"},
                    "elsewhere": SQUEEZENET | {"weights": "two.pt", "key": "ema"},
                },
            }
        },
    ),
    Case(
        "tables of MouseNet in Latin-1",
        tables(b"area\xe9"),
        config=MOUSENET,
        refused=r"tables/nodes\.tsv: line 1: not UTF-8",
        arguments=["results/mousenet/small/nodes.parquet"],
    ),
]
