"""The service's list of cells, 460 MB of JSON, as others may have left it."""

import json

import pytest

from dormouse.errors import InputError
from dormouse.recordings.allen import METRICS, read_cell_metrics


@pytest.mark.parametrize("name", ["cell_specimen_id", METRICS[0]])
def test_a_list_that_is_nested_too_deeply_is_refused_by_its_name(tmp_path, name):
    cell = json.dumps(dict.fromkeys(["cell_specimen_id", *METRICS], 1)).replace(
        f'"{name}": 1', f'"{name}": {"[" * 5000}{"]" * 5000}'
    )
    (tmp_path / "cell_specimens.json").write_text(f"[{cell}]")
    with pytest.raises(InputError, match=r"cell_specimens\.json: not the service's list of cells .*Remove it and run again"):
        read_cell_metrics(tmp_path / "cell_specimens.json")
