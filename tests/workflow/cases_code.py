"""Cases of networks, code and weights of others."""

import os
import zipfile

import torch
from cases import Case

from dormouse.models.build import build

PX = {"size": 32}  # of the input, so that the cases are short
SQUEEZENET = {"source": "torchvision", "name": "squeezenet1_1", "input": PX}
TABLE = ["results/mice/tables/models.parquet"]


def adding(**lines) -> dict:
    """Return a configuration with these models and no others."""
    return {"models": {"include": [], "add": lines}}


def python(name: str, **more) -> dict:
    return {"source": "python", "name": name, "weights": "random", "input": PX} | more


def module(text: str, name: str = "nets"):
    """Give what writes a module of the user's."""
    return lambda mice, run: (run / f"{name}.py").write_text(text)


def method(name: str) -> dict:
    return {"methods": {"run": [], "add": {"mine": {"source": "python", "name": name, "target": "rdm"}}}}


# --- weights


def weights(change=dict, **options):
    """Give what writes mine.pt: the weights of a SqueezeNet with these options, as `change` leaves them."""

    def write(mice, run):
        spec = {"source": "torchvision", "name": "squeezenet1_1", "file": None, "seed": 3, "options": options}
        torch.save(change(build(spec).state_dict()), run / "mine.pt")

    return write


def prefixed(prefix):
    return lambda state: {f"{prefix}{key}": value for key, value in state.items()}


def diverged(state):
    return state | {"features.0.bias": torch.full((64,), torch.nan)}


def compressed(mice, run):
    weights(lambda state: {key: torch.zeros_like(value) for key, value in state.items()})(mice, run)
    with zipfile.ZipFile(run / "mine.pt") as parts:
        content = {name: parts.read(name) for name in parts.namelist()}
    with zipfile.ZipFile(run / "mine.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in content.items():
            archive.writestr(name, part)


def given(**line) -> dict:
    return adding(mine=SQUEEZENET | {"weights": "mine.pt"} | line)


PLACE = r"config: models\.add\.mine\.weights: mine\.pt: "
WEIGHTS = [
    Case("_orig_mod. before all keys", weights(prefixed("_orig_mod.")), config=given(), slow=True),
    Case(
        "backbone._orig_mod.module. before all keys",
        weights(prefixed("backbone._orig_mod.module.")),
        config=given(),
        slow=True,
    ),
    Case(
        "weights of other classes",
        weights(classes=7),
        config=given(),
        refused=PLACE + r"the weights do not fit SqueezeNet: 2 misshapen .* add `classes: 7` to the line of the model\.",
    ),
    Case("weights of other classes, told", weights(classes=7), config=given(classes=7), slow=True),
    Case(
        "classes of a user's function",
        module("def build():\n    pass\n"),
        config=adding(mine=python("nets:build", classes=7)),
        refused=r"config: models\.add\.mine\.classes: for networks of torchvision and timm .*leave it out",
    ),
    Case(
        "weights that are not finite",
        weights(diverged),
        config=given(),
        refused=PLACE + r"features\.0\.bias holds NaN or infinity",
        slow=True,
    ),
    Case("compressed weights", compressed, config=given(), refused=PLACE + r"unpacks to \d+ bytes.*Save it uncompressed"),
    Case(
        "text in the place of weights",
        lambda mice, run: (run / "mine.pt").write_text("no weights"),
        config=given(),
        refused=PLACE + "not a readable file of weights",
    ),
    Case(
        "a pipe in the place of weights",
        lambda mice, run: os.mkfifo(run / "mine.pt"),
        config=given(),
        refused=r"config: models\.add\.mine\.weights: no file 'mine\.pt'",
    ),
    Case(
        "a folder in the place of weights",
        lambda mice, run: (run / "mine.pt").mkdir(),
        config=given(),
        refused=r"config: models\.add\.mine\.weights: no file 'mine\.pt'",
    ),
    Case(
        "a file of weights with a name of 5,000 letters",
        config=given(weights="w" * 5000),
        refused=r"models\.add\.mine\.weights: 'w+\.\.\. cannot be a path; use one line",
    ),
]

# --- names of functions

NAMES = {
    "a name without a module": ".:build",
    "a name with two dots": "a..b:build",
    "a name with two colons": "a:b:c",
    "a relative name": ".nets:build",
}
EXPECTED = r"name: '.*'; expected module:function"
NAMED = [
    *(
        Case(title, config=adding(mine=python(name)), refused=rf"config: models\.add\.mine\.{EXPECTED}")
        for title, name in NAMES.items()
    ),
    *(
        Case(f"{title}, of a method", config=method(name), refused=rf"config: methods\.add\.mine\.{EXPECTED}")
        for title, name in NAMES.items()
    ),
    Case("a name of two lines", config=adding(mine=python("nets:build\n")), refused=r"models\.add\.mine\.name: "),
    Case("a name of 5,000 letters", config=adding(mine=python(f"{'n' * 5000}:build")), refused=r"models\.add\.mine\.name: "),
]

# --- networks of users

NETWORKS = """
from dataclasses import dataclass

import torch
import torchvision
from torch import nn


@dataclass
class Output:
    loss: torch.Tensor
    steps: torch.Tensor
    nothing: None
    spectrum: torch.Tensor


class Compound(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 5, stride=4)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("short", torch.ones(3, dtype=torch.bfloat16))

    def forward(self, x):
        self.calls += 1
        x = self.conv(x)
        return Output(x.mean(), x.long(), None, torch.fft.fft2(x))


def lazy():
    return nn.Sequential(nn.LazyConv2d(4, 5, stride=4), torchvision.ops.Conv2dNormActivation(4, 4), nn.Flatten())


def failing():
    return {}["missing"]


def scripted():
    return torch.jit.script(nn.Conv2d(3, 4, 5))
"""
OWN = "def build():\n    return None\n"


def of_nets(name: str, refused: str) -> Case:
    return Case(
        f"a function: {name}", module(NETWORKS), config=adding(mine=python(f"nets:{name}")), arguments=TABLE, refused=refused
    )


USERS = [
    Case(
        "networks that put out and hold things of every kind, in a module that imports torchvision",
        module(NETWORKS),
        config=adding(**{name: python(f"nets:{name}") for name in ("Compound", "lazy")}),
        arguments=TABLE,
    ),
    of_nets("failing", r"Error: nets:failing: KeyError: 'missing' \(.*nets\.py, line \d+\)\."),
    of_nets("scripted", r"Error: the network: TorchScript, which runs as one piece"),
    *(
        Case(
            f"a module with the name of one of Python's own: {name}",
            module(OWN, name),
            config=adding(mine=python(f"{name}:build")),
            refused=rf"config: {name}:build: Python has a module '{name}' of its own, .*Rename yours",
        )
        for name in ("code", "types")
    ),
    Case("a module that is called test", module(OWN, "test"), config=adding(mine=python("test:build"))),
    Case(
        "a module with the name of a package",
        module(OWN, "numpy"),
        config=adding(mine=python("numpy:build")),
        arguments=TABLE,
        refused=r"Error: numpy:build: .*numpy\.py has the name of another module",
    ),
    Case(
        "a module beside one with the name of one of Python's own",
        lambda mice, run: [module(OWN, name)(mice, run) for name in ("nets", "code", "random")],
        config=adding(mine=python("nets:build")),
    ),
    Case(
        "a pipe among the files of a function",
        lambda mice, run: [module(OWN)(mice, run), os.mkfifo(run / "table.npy")],
        config=adding(mine=python("nets:build", files=["table.npy"])),
        refused=r"config: models\.add\.mine\.files: no file 'table\.npy'",
    ),
]

CASES = [*WEIGHTS, *NAMED, *USERS]
