"""Networks that a user adds as docs/networks.md says: published weights of timm, a checkpoint, a Python function."""

import hashlib
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import safetensors.torch
import torch
import yaml

from dormouse.features.kernels import read_provenance
from dormouse.models.build import build

pytestmark = pytest.mark.workflow

MODULE = """
from torch import nn


def build():
    return nn.Sequential(nn.Conv2d(3, 4, 7, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 15 * 15, 10))
"""
PX = {"size": 64}  # of the input, so that the tests are short
LINES = {
    "published": {"source": "timm", "name": "test_resnet.r160_in1k", "input": PX},
    "checkpoint": {"source": "torchvision", "name": "squeezenet1_1", "weights": "weights/mine.pt", "input": PX},
    "function": {"source": "python", "name": "my_module:build", "weights": "random", "input": PX},
}


def trained(source, name):
    """Return a state dict that no longer looks random."""
    network = build({"source": source, "name": name, "file": None, "seed": 3})
    return {key: value * 1.3 + 0.01 if value.is_floating_point() else value for key, value in network.state_dict().items()}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Address of a hub with one file, timm/test_resnet.r160_in1k, that counts the requests for it."""
    path = tmp_path_factory.mktemp("hub") / "model.safetensors"
    safetensors.torch.save_file(trained("timm", "test_resnet"), path)
    content = path.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        requests = 0

        def answer(self):
            if self.path != "/timm/test_resnet.r160_in1k/resolve/main/model.safetensors":
                return self.send_error(404)
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", "a" * 40)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def do_HEAD(self):
            self.answer()

        def do_GET(self):
            Handler.requests += self.path.endswith("model.safetensors")
            self.answer()
            self.wfile.write(content)

        def log_message(self, *_):
            """Keep the output of the tests free of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Handler
    server.shutdown()


@pytest.fixture
def prepared(tmp_path, dataset_folder):
    """Working directory with a checkpoint and a module of the user's."""
    run = tmp_path / "run"
    (run / "weights").mkdir(parents=True)
    torch.save(trained("torchvision", "squeezenet1_1"), run / "weights" / "mine.pt")
    (run / "my_module.py").write_text(MODULE)
    return run


def kernels(folder, model):
    """Return the file of a model's kernels of centred features."""
    (file,) = folder.glob(f"results/kernels/{model}/*/centred.npz")
    return file


def extracts(model):
    """Return what `planned` gives if one network runs again, up to the table of models."""
    return {"extract_features": {model}, "gather_models": {None}}


def planned(output):
    """Return the models of the jobs of a dry run, by rule."""
    blocks = re.split(r"\n(?=(?:local)?rule )", output)
    jobs = {}
    for block in blocks:
        if match := re.match(r"(?:local)?rule (\w+):", block):
            model = re.search(r"wildcards: .*?(?:model|file)=([\w-]+)", block)
            jobs.setdefault(match[1], set()).add(model[1] if model else None)
    return jobs


@pytest.mark.slow
def test_networks_added_in_three_ways_run_and_record_their_provenance(run_workflow, prepared, dataset_folder, hub, tmp_path):
    address, handler = hub
    config = {"dataset": str(dataset_folder), "models": {"groups": [], "add": LINES}}
    targets = ["results/mice/tables/models.parquet"]
    env = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hf")}
    done = run_workflow(prepared, *targets, config=config, env=env)
    assert done.returncode == 0, done.stdout
    records = {model: read_provenance(kernels(prepared, model)) for model in LINES}
    assert handler.requests == 1
    assert (prepared / "resources/weights/published.safetensors").stat().st_size > 1000
    assert records["published"]["trained_share"] > 0.9
    assert records["checkpoint"]["trained_share"] > 0.9
    assert records["function"]["trained_share"] is None
    assert records["function"]["seed"] == 0
    again = run_workflow(prepared, "-n", *targets, config=config)
    assert "Nothing to be done" in again.stdout
    (prepared / "my_module.py").write_text(MODULE.replace("Linear(4", "Linear(2 + 2") + "# edited\n")
    assert planned(run_workflow(prepared, "-n", *targets, config=config).stdout) == {
        "extract_features": {"function"},
        "gather_models": {None},
    }


DEEP = """
import importlib

import numpy as np
import torch
from torch import nn

from my_blocks import scaled


def build():
    from my_parts import late  # found only while it is built

    mean = np.load("mean.npy")
    {extra}
    return nn.Sequential(nn.Flatten(), late.Shift(float(mean)), scaled(nn.Linear(3 * 64 * 64, 10)))
"""
LATE = """
from torch import nn


class Shift(nn.Module):
    def __init__(self, mean):
        super().__init__()
        self.mean = mean

    def forward(self, x):
        import my_constants

        return x + self.mean + my_constants.SHIFT
"""


@pytest.fixture
def deep(prepared):
    """Working directory with a user's network that is made from several modules and a file."""
    (prepared / "my_net.py").write_text(DEEP.format(extra=""))
    (prepared / "my_blocks.py").write_text("import my_scale\n\n\ndef scaled(layer):\n    return my_scale.apply(layer)\n")
    (prepared / "my_scale.py").write_text("def apply(layer):\n    return layer\n")
    (prepared / "my_parts").mkdir()
    (prepared / "my_parts/late.py").write_text(LATE)
    (prepared / "my_constants.py").write_text("SHIFT = 1.0\n")
    np.save(prepared / "mean.npy", np.array(0.5))
    return prepared


@pytest.mark.slow
def test_a_network_runs_again_when_anything_it_is_made_from_changed(run_workflow, deep, dataset_folder):
    line = {"source": "python", "name": "my_net:build", "weights": "random", "input": PX, "files": ["mean.npy"]}
    config = {"dataset": str(dataset_folder), "models": {"groups": [], "add": {"deep": line}}}
    target = "results/mice/tables/models.parquet"
    done = run_workflow(deep, target, config=config)
    assert done.returncode == 0, done.stdout
    files = ("my_net.py", "my_blocks.py", "my_scale.py", "my_parts/late.py", "my_constants.py")
    texts = {file: (deep / file).read_text() for file in files}
    for file, text in texts.items():
        (deep / file).write_text(f"{text}# a comment\n")
    assert "Nothing to be done" in run_workflow(deep, "-n", target, config=config).stdout
    for file, text in texts.items():
        (deep / file).write_text(f"{text}CHANGED = 1\n")
        assert planned(run_workflow(deep, "-n", target, config=config).stdout) == {
            "extract_features": {"deep"},
            "gather_models": {None},
        }, file
        (deep / file).write_text(text)
    np.save(deep / "mean.npy", np.array(0.6))
    os.utime(deep / "mean.npy", (0, 0))
    assert planned(run_workflow(deep, "-n", target, config=config).stdout) == {
        "extract_features": {"deep"},
        "gather_models": {None},
    }


@pytest.mark.parametrize(
    ("files", "extra", "message"),
    [
        ([], "", r"my_net:build: opens mean\.npy, which the configuration does not name.* Add files: \[mean\.npy\]"),
        (["mean.npy"], 'importlib.import_module("my_" + "module")', r"imports my_module, .* Add files: \[my_module\.py\]"),
    ],
)
def test_code_and_files_that_a_network_reaches_unnamed_are_refused(run_workflow, deep, dataset_folder, files, extra, message):
    (deep / "my_net.py").write_text(DEEP.format(extra=extra))
    line = {"source": "python", "name": "my_net:build", "weights": "random", "input": PX, "files": files}
    config = {"dataset": str(dataset_folder), "models": {"groups": [], "add": {"deep": line}}}
    done = run_workflow(deep, "results/mice/tables/models.parquet", config=config)
    assert done.returncode == 1
    assert re.search(message, done.stdout)
    assert not list(deep.glob("results/kernels/deep/*/*.npz"))


def test_the_lines_of_the_documentation_plan_their_own_jobs_and_no_others(root, run_workflow, prepared, dataset_folder):
    text = (root / "docs/networks.md").read_text().split("## A network of your own", 1)[1]
    lines = yaml.safe_load(text.split("```yaml", 1)[1].split("```", 1)[0])["models"]["add"]
    assert {line["source"] for line in lines.values()} >= {"timm", "torchvision", "python"}
    config = {"dataset": str(dataset_folder), "models": {"groups": []}}
    for line in lines.values():
        if "weights/" in line.get("weights", ""):
            torch.save(trained(line["source"], line["name"]), prepared / line["weights"])
    for model, line in lines.items():
        assert len(line) <= 3
        jobs = planned(run_workflow(prepared, "-n", config=config | {"models": {"groups": [], "add": {model: line}}}).stdout)
        for rule in ("extract_features", "score_rdms", "score_responses"):
            assert jobs[rule] == {model}
        assert jobs.get("download_weights", set()) == ({model} if line["source"] == "timm" else set())


def test_a_folder_of_weights_that_was_filled_by_hand_is_used(run_workflow, prepared, dataset_folder):
    weights = prepared / "resources/weights/published.safetensors"
    weights.parent.mkdir(parents=True)
    safetensors.torch.save_file(trained("timm", "test_resnet"), weights)
    config = {"dataset": str(dataset_folder), "models": {"groups": [], "add": {"published": LINES["published"]}}}
    jobs = planned(run_workflow(prepared, "-n", config=config).stdout)
    assert jobs["extract_features"] == {"published"}
    assert "download_weights" not in jobs


NOT_TO_BE_SCORED = """
import torch
from torch import nn


class Seeding(nn.Module):
    def forward(self, x):
        return x + torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def seeding():
    return nn.Sequential(nn.Conv2d(3, 4, 7, stride=4), Seeding(), nn.Flatten())


def traced():
    return torch.jit.trace(nn.Sequential(nn.Conv2d(3, 4, 7, stride=4), nn.ReLU()), torch.zeros(1, 3, 64, 64))
"""


@pytest.mark.slow
def test_networks_that_are_not_what_they_claim_to_be_are_refused(run_workflow, prepared, dataset_folder):
    """Random weights called trained; features that depend on more than the image; layers that cannot be seen."""
    for file, seed in (("mine.pt", 0), ("early.pt", 5)):
        spec = {"source": "torchvision", "name": "squeezenet1_1", "file": None, "seed": seed}
        torch.save(build(spec).state_dict(), prepared / "weights" / file)
    early = LINES["checkpoint"] | {"weights": "weights/early.pt"}
    (prepared / "others.py").write_text(NOT_TO_BE_SCORED)
    python = {name: {**LINES["function"], "name": f"others:{name}"} for name in ("seeding", "traced")}
    config = {
        "dataset": str(dataset_folder),
        "models": {"groups": [], "add": {"checkpoint": LINES["checkpoint"], "early": early, **python}},
    }
    done = run_workflow(prepared, "--keep-going", "results/mice/tables/models.parquet", config=config)
    assert done.returncode != 0
    messages = {
        "checkpoint": r"mine\.pt: the weights are called trained, but all are those that seed 0 draws\.",
        "seeding": r"layer Seeding-1: an image's features depend on the other images of the pass, or on chance, on the call",
        "traced": r"the network: TorchScript, which runs as one piece and hides the layers inside\. Give the original module",
    }
    for model, message in messages.items():
        assert re.search(message, done.stdout), model
        assert not list(prepared.glob(f"results/kernels/{model}/*/*.npz"))
    assert "Traceback" not in done.stdout
    (log,) = prepared.glob("results/mice/logs/extract_features/early-*.log")
    assert "Warning: weights/early.pt: the weights are called trained, but 100% of their tensors" in log.read_text()
    assert read_provenance(kernels(prepared, "early"))["trained_share"] == 0
