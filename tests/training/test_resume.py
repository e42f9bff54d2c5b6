"""Training runs that were stopped, damaged or changed: where they resume, and what is handed out."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import psutil
import pytest
import safetensors.torch
import torch
from torch import nn
from training_runs import RECIPE, equal, mousenet, small

from dormouse.errors import InputError
from dormouse.models.checkpoints import read_state
from dormouse.tables import read_table
from dormouse.training.epoch_files import epoch_file, hand_out
from dormouse.training.loop import train
from dormouse.training.resume import last_whole, write_state


def stopped_after(n_batches, images):
    """Give images that are no more to be had after some batches of training."""

    class Stopping(torch.utils.data.Dataset):
        tensors, left = images.tensors, n_batches * 32

        def __len__(self):
            return len(images)

        def __getitem__(self, place):
            Stopping.left -= 1
            if Stopping.left < 0:
                raise KeyboardInterrupt
            return images[place]

    return Stopping()


@pytest.mark.slow
def test_a_run_that_was_stopped_within_an_epoch_ends_as_one_that_was_not(config, digits, tmp_path, capsys):
    whole = train(mousenet(config), digits, RECIPE, tmp_path / "whole", threads=1)
    first = -(-len(digits[0]) // 32)
    with pytest.raises(KeyboardInterrupt):  # in the middle of the second epoch
        train(mousenet(config), (stopped_after(first + 10, digits[0]), digits[1]), RECIPE, tmp_path / "stopped", threads=1)
    assert not [path for path in (tmp_path / "stopped").iterdir() if path.name.startswith(".")]
    again = train(mousenet(config), digits, RECIPE, tmp_path / "stopped", threads=1)
    assert "resumes after epoch 1" in capsys.readouterr().err
    assert again.drop(columns="seconds").equals(whole.drop(columns="seconds"))
    for epoch in range(3):
        a, b = (safetensors.torch.load_file(tmp_path / run / f"epoch_{epoch:03}.safetensors") for run in ("whole", "stopped"))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.workflow
@pytest.mark.slow
def test_a_training_job_that_was_killed_goes_on_after_its_last_epoch(run_workflow, tmp_path):
    """A network that trains in seconds; that MouseNet learns, and goes on to the same numbers, is tested without Snakemake."""
    target, network = "results/trained/mousenet_digits.parquet", {"source": "torchvision", "name": "squeezenet1_1"}
    training = {"mousenet_digits": {"network": network, "input_px": 32}}
    config = {"dataset": "demo", "models": {"groups": ["baselines"]}, "training": training}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(run_workflow, tmp_path / "run", target, config=config)
        while not list(tmp_path.glob("run/results/trained/*/*/epoch_001.safetensors")) and not first.done():
            time.sleep(0.02)
        time.sleep(0.3)  # into the second epoch
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # one that has just ended
                if "train_network.py" in " ".join(process.cmdline()):
                    process.kill()
    assert first.result().returncode != 0, "it ended before it could be killed"
    assert not (tmp_path / "run" / target).exists()
    again = run_workflow(tmp_path / "run", target, config=config)
    assert again.returncode == 0, again.stdout
    log = next(tmp_path.glob("run/results/trained/logs/train_network/*.log")).read_text()
    assert "resumes after epoch 1" in log
    assert "epoch 1, training" not in log
    history = read_table("training", tmp_path / "run" / target)
    assert history.epoch.tolist() == [0, 1, 2]
    assert history.test_accuracy.notna().all()


def test_fewer_epochs_hand_out_theirs_and_more_go_on(digits, tmp_path, capsys):
    few = [torch.utils.data.TensorDataset(*(part[:64] for part in images.tensors)) for images in digits]
    whole = train(small(), few, RECIPE | {"epochs": 6}, tmp_path / "whole", threads=1).drop(columns="seconds")
    for epochs, told in (
        (4, "epoch 4: "),
        (1, "epoch 1 exists already"),
        (4, "epoch 4 exists already"),
        (6, "resumes after epoch 4"),
    ):
        history = train(small(), few, RECIPE | {"epochs": epochs}, tmp_path / "run", threads=1)
        assert told in capsys.readouterr().err
        assert history.drop(columns="seconds").equals(whole[: epochs + 1])
        hand_out(epoch_file(tmp_path / "run", epochs), tmp_path / "weights.safetensors")
        assert equal(tmp_path / "weights.safetensors", epoch_file(tmp_path / "whole", epochs))
    assert len(list((tmp_path / "run").glob("epoch_*.safetensors"))) == 7


@pytest.mark.parametrize(
    ("spoilt", "told"), [(["resume.pt"], "resumes after epoch 2"), (["resume.pt", "resume_before.pt"], "anew")]
)
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_a_damaged_file_to_go_on_from_is_said_and_the_end_is_the_same(digits, tmp_path, capsys, spoilt, told, how):
    few = [torch.utils.data.TensorDataset(*(part[:64] for part in images.tensors)) for images in digits]
    train(small(), few, RECIPE | {"epochs": 3}, tmp_path / "run", threads=1)
    for name in spoilt:
        content = (tmp_path / "run" / name).read_bytes()
        half = len(content) // 2
        flipped = content[:half] + bytes([content[half] ^ 4]) + content[half + 1 :]
        (tmp_path / "run" / name).write_bytes({"cut": content[:half], "flipped": flipped}[how])
    history = train(small(), few, RECIPE | {"epochs": 4}, tmp_path / "run", threads=1)
    said = capsys.readouterr()
    assert f"{spoilt[0]}: damaged" in said.out
    assert told in said.err
    whole = train(small(), few, RECIPE | {"epochs": 4}, tmp_path / "whole", threads=1)
    assert history.drop(columns="seconds").equals(whole.drop(columns="seconds"))
    assert equal(epoch_file(tmp_path / "run", 4), epoch_file(tmp_path / "whole", 4))


def test_a_tar_archive_is_damaged_and_no_folder_is_made_to_unpack_it(tmp_path, monkeypatch, capsys):
    made, make = [], tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *given, **named: made.append(make(*given, **named)) or made[-1])
    (tmp_path / "resume.pt").write_bytes(bytes(10240))
    assert last_whole(tmp_path)["history"] == [] and not made
    assert "resume.pt: damaged" in capsys.readouterr().out


def flips(path, n):
    """Flip one bit after the other in a file."""
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.choice(len(content), n, replace=False):
        changed = bytearray(content)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        yield


def test_no_flipped_bit_passes_for_what_was_written(tmp_path, digits):
    few = [torch.utils.data.TensorDataset(*(part[:2] for part in images.tensors)) for images in digits]
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(768, 2), nn.BatchNorm1d(2), nn.Linear(2, 10))
    train(network, few, RECIPE | {"epochs": 1}, tmp_path, threads=1)
    (tmp_path / "resume_before.pt").unlink()
    weights, stored = read_state(epoch_file(tmp_path, 1))[0], last_whole(tmp_path)
    for _ in flips(epoch_file(tmp_path, 1), 200):
        try:
            read = read_state(epoch_file(tmp_path, 1))[0]
        except InputError:
            continue
        assert all(torch.equal(read[key], weights[key]) for key in weights)
    for _ in flips(tmp_path / "resume.pt", 200):
        read = last_whole(tmp_path)
        if read["history"]:
            assert read["history"] == stored["history"]
            assert all(torch.equal(read["network"][key], value) for key, value in stored["network"].items())


def test_epochs_of_other_code_are_kept_with_a_warning(digits, tmp_path, capsys):
    few = [torch.utils.data.TensorDataset(*(part[:64] for part in images.tensors)) for images in digits]
    code, folder = {"a.py": "1", "b.py": "1"}, tmp_path / "run/key"
    first = train(small(), few, RECIPE, folder, threads=1, code=code)
    assert "Warning" not in capsys.readouterr().out
    history = train(small(), few, RECIPE | {"epochs": 3}, folder, threads=1, code=code | {"b.py": "2", "c.py": "1"})
    said = capsys.readouterr().out
    assert "epochs 0 to 2 were trained by other code than today's" in said
    assert "Files that differ: b.py, c.py. To train anew: rm -rf" in said
    assert history[:3].equals(first)
    assert history.code.nunique() == 2
    with pytest.raises(InputError, match="do not fit the network of today's code"):
        train(nn.Linear(2, 2), few, RECIPE | {"epochs": 5}, folder, threads=1, code=code)


def test_a_damaged_epoch_is_not_handed_out(digits, tmp_path):
    write_state(small(), tmp_path / "run/key/epoch_000.safetensors")
    content = bytearray((tmp_path / "run/key/epoch_000.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "run/key/epoch_000.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"epoch_000.safetensors: damaged; .* To train anew: rm -rf .*run/key .*run.parquet"):
        hand_out(tmp_path / "run/key/epoch_000.safetensors", tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"^\S+epoch_000.safetensors: damaged, its numbers are not those that were written"):
        read_state(tmp_path / "run/key/epoch_000.safetensors")
