"""What scores rest on: kernels of one network, and scores of one family by the same code, settings and neurons."""

import numpy as np
import pytest
from example_tables import example
from kernel_files import make_arrays, write

from dormouse.errors import InputError
from dormouse.features.kernels import writing_kernels
from dormouse.files import write_arrays
from dormouse.methods.scores import basis, read_model, read_scores
from dormouse.tables import write_table


def score_file(path, **changed):
    table = example("scores")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table("scores", table, path, {"code": "a", "settings": "b", "neurons": "c", "kernels": path.stem} | changed)
    return path


def test_scores_of_one_family_are_stacked_if_they_rest_on_the_same(tmp_path):
    paths = [score_file(tmp_path / area / f"{model}.parquet") for area in ("VISp", "VISl") for model in ("one", "two")]
    assert len(read_scores("scores", paths)) == 4 * len(example("scores"))


@pytest.mark.parametrize("what", ["code", "settings", "neurons", "kernels"])
def test_scores_of_one_family_that_rest_on_others_are_refused(tmp_path, what):
    paths = [score_file(tmp_path / area / "one.parquet") for area in ("VISp", "VISl")]
    score_file(paths[1], **{what: "other"})
    with pytest.raises(InputError, match=rf"VISl/one\.parquet: made from other {what} than .*VISp/one\.parquet\."):
        read_scores("scores", paths)


def test_what_scores_rest_on_changes_with_each_part_of_it(tmp_path):
    for name, value in (("a", 1.0), ("b", 2.0), ("c", 1.0)):
        write_arrays(tmp_path / f"{name}.npz", {"values": np.array(value)})
    a, b, c = ([tmp_path / f"{name}.npz"] for name in "abc")
    code, settings = {"x.py": "1"}, {"alpha": 1}
    known = basis(a, b, code=code, settings=settings)
    assert basis(c, b, code=code, settings=settings) == known  # other place and time, same content
    others = {
        ("kernels", "code"): basis(b, b, code={}, settings=settings),
        ("neurons", "settings"): basis(a, a, code=code, settings={}),
    }
    for differ, changed in others.items():
        assert {key for key in known if changed[key] != known[key]} == set(differ)


def test_kernels_of_one_model_with_different_weights_are_refused(tmp_path):
    arrays = make_arrays(2, 3)
    paths = write(tmp_path, arrays, ["centred", "srp"])
    stimuli = {f"scene_{k}": f"{k:064x}" for k in range(3)}
    (block,) = read_model(list(paths.values()), stimuli)[1].blocks()
    assert set(block) == {"centred", "srp", "row_sum", "n_features"}
    with writing_kernels([paths["srp"]], np.array(list(stimuli.values())), np.array('{"weights_sha256": "other"}')) as keep:
        keep({name: values[0] for name, values in arrays.items()})
    with pytest.raises(InputError, match=r"srp\.npz: made with another weights_sha256 than .*centred\.npz\. Remove both"):
        read_model(list(paths.values()), stimuli)
