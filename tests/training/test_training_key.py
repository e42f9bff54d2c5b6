"""What a training run is known by: its recipe, network and images, and neither their places nor times."""

import os
import shutil

import pytest
import yaml
from project import Project
from training_runs import equal, make_folder

from dormouse.features.kernels import read_provenance
from dormouse.models import sources
from dormouse.models.registry import training_spec
from dormouse.models.specification import NORMALISATIONS
from dormouse.tables import read_table
from dormouse.training.epoch_files import epoch_file
from dormouse.training.training_key import images_hash, training_key


def test_a_run_is_known_by_all_that_changes_its_weights_and_by_nothing_else(config, cifar, root, tmp_path):
    tables = tmp_path / "tables"
    shutil.copytree(root / "resources/mousenet", tables)
    variant = config["mousenet"]["variants"]["small"] | {"tables": str(tables)}
    run = config["training"]["mousenet_digits"] | {"images": "cifar10", "folder": str(cifar)}

    def key(variant=variant, **recipe):
        images_hash.cache_clear()
        changed = {"training": {"run": run | recipe}, "mousenet": {"variants": {"small": variant}}}
        return training_key(training_spec("run", config | changed), changed["training"]["run"])

    known = key()
    shutil.copytree(tables, tmp_path / "moved")
    shutil.copytree(cifar, tmp_path / "moved", dirs_exist_ok=True)
    same = [key(epochs=100), key(variant | {"tables": str(tmp_path / "moved")}), key(folder=str(tmp_path / "moved"))]
    assert same == [known] * 3
    other = [key(seed=1), key(drops=[1]), key(batch=16), key(variant | {"mask_seed": 1}), key(variant | {"clip": True})]
    for file in (tables / "connections.tsv", cifar / "test_batch.bin"):
        file.write_bytes(file.read_bytes()[:-1] + b"0")
        os.utime(file, (0, 0))
        other.append(key())
    assert len({known, *other}) == 8


@pytest.mark.workflow
@pytest.mark.slow
def test_a_run_keeps_its_epochs_whatever_is_asked_for(root, tmp_path, dataset_folder, cifar):
    """Fewer epochs under edited code, more epochs, an image replaced by an older one."""
    project = Project(root, tmp_path / "project")
    make_folder(project.folder / "pictures", {"train": ["cat", "dog"], "val": ["cat", "dog"]})
    recipe = yaml.safe_load((root / "config.yaml").read_text())["training"]["mousenet_digits"]
    run = recipe | {"images": "folder", "folder": "pictures", "classes": 2, "batch": 2}
    of_cifar = recipe | {"images": "cifar10", "folder": str(cifar), "epochs": 0, "network": {"source": "torchvision"}}
    of_cifar["network"]["name"], of_cifar["input_px"] = "squeezenet1_1", 32
    seen = of_cifar["network"] | {"weights": "trained:of_cifar"}
    config = {
        **{"dataset": str(dataset_folder), "transform": "native", "input": {"mean": [0, 0, 0], "std": [1, 1, 1]}},
        "models": {"groups": [], "add": {"seen": seen}},
    }
    weights, epoch_1, table = (f"results/trained/run{ending}" for ending in (".safetensors", "@1.safetensors", ".parquet"))
    models, targets = "results/mice/tables/models.parquet", (weights, epoch_1)

    def asked(epochs):
        return config | {"training": {"run": run | {"epochs": epochs}, "of_cifar": of_cifar}}

    def trained(epochs, *others):
        said = project.run(*targets, *others, config=asked(epochs))
        (folder,) = (project.folder / "results/trained/run").iterdir()
        assert equal(project.folder / weights, epoch_file(folder, epochs))
        assert equal(project.folder / epoch_1, epoch_file(folder, 1))
        assert read_table("training", project.folder / table).epoch.tolist() == list(range(epochs + 1))
        return said, (project.folder / "results/trained/logs/train_network/run.log").read_text()

    trained(4, models)
    (kernels,) = project.folder.glob("results/kernels/seen/*/centred.npz")
    made = read_provenance(kernels)["input"]
    assert made == {"size": 32, "range": 1, "interpolation": "bilinear"} | NORMALISATIONS["cifar10"]
    loop = project.folder / "src/dormouse/training/loop.py"
    loop.write_text(loop.read_text().replace("DROP = 0.1", "DROP = 0.2"))
    said, log = trained(1)
    assert "Files that differ: dormouse/training/loop.py. To train anew: rm -rf results/trained/run/" in said
    assert "epoch 1 exists already" in log
    before = os.stat(project.folder / epoch_1).st_mtime_ns
    assert "resumes after epoch 4" in trained(5)[1]
    assert os.stat(project.folder / epoch_1).st_mtime_ns == before
    image = project.folder / "pictures/train/cat/1.png"
    image.write_bytes(image.read_bytes()[:-1] + b"0")
    os.utime(image, (0, 0))
    said = project.run("--dry-run", *targets, config=asked(5))
    assert "rule train_network:" in said
    assert "rule keep_epoch:" in said


def test_a_network_of_other_tables_is_another_run(config, root, tmp_path, monkeypatch):
    before = training_spec("mousenet_digits", config)["code"]
    shutil.copytree(root / "resources/mousenet", tmp_path / "tables")
    monkeypatch.setattr(sources, "FOLDER", tmp_path / "tables")
    assert training_spec("mousenet_digits", config)["code"] == before
    (tmp_path / "tables/laminar.tsv").write_text("changed")
    assert training_spec("mousenet_digits", config)["code"] != before
    assert training_spec("vgg16_imagenet", config)["code"] is None
