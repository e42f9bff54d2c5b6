"""NWB 1.0 files that are refused: damaged, of another kind, incomplete, or with parts that do not fit each other."""

import h5py
import numpy as np
import pytest
from nwb1_file import DEPTH, DFF, FRAMES, N_SCENES, PIPELINE, RUNNING, SHOWN, TEMPLATE, TIMES, WINDOW_S, get, put, read_nwb

from dormouse.errors import InputError
from dormouse.recordings.nwb1 import read_scenes

pytestmark = pytest.mark.allen


@pytest.mark.parametrize("wrong", [0.5, -1.0, 256.0, np.nan])
def test_templates_that_are_not_8_bit_are_refused(tiny_nwb, wrong):
    scenes = get(tiny_nwb, TEMPLATE).astype(np.float32)
    scenes[0, 0, 0] = wrong
    put(tiny_nwb, TEMPLATE, scenes)
    with pytest.raises(InputError, match=r"900000000\.nwb.*natural_scenes_image_stack.*0 to 255"):
        read_scenes(tiny_nwb, blank=False)


def test_a_truncated_file_is_refused(tiny_nwb):
    tiny_nwb.write_bytes(tiny_nwb.read_bytes()[: tiny_nwb.stat().st_size // 2])
    with pytest.raises(InputError, match=r"900000000\.nwb: not a whole HDF5 file.*fetch it again"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_a_file_that_is_not_hdf5_is_refused(tiny_nwb):
    tiny_nwb.write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"900000000\.nwb: not a whole HDF5 file.*fetch it again"):
        read_scenes(tiny_nwb, blank=True)


def test_a_file_whose_compressed_traces_are_damaged_is_refused(tiny_nwb):
    with h5py.File(tiny_nwb) as file:
        place = file[DFF].id.get_chunk_info(0)
    damaged = bytearray(tiny_nwb.read_bytes())
    damaged[place.byte_offset : place.byte_offset + place.size] = bytes(place.size)
    tiny_nwb.write_bytes(damaged)
    with pytest.raises(InputError, match=r"900000000\.nwb"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_another_session_type_is_refused(tiny_nwb):
    put(tiny_nwb, "general/session_type", np.bytes_("three_session_A"))
    with pytest.raises(InputError, match=r"900000000\.nwb: session type three_session_A; .* three_session_B"):
        read_nwb(tiny_nwb, WINDOW_S)


@pytest.mark.parametrize(
    "part",
    [
        "general/session_type",
        "stimulus/presentation/natural_scenes_stimulus",
        TEMPLATE,
        f"{PIPELINE}/DfOverF",
        f"{PIPELINE}/ImageSegmentation/cell_specimen_ids",
        DEPTH,
    ],
)
def test_a_file_that_lacks_a_part_is_refused_by_the_name_of_the_part(tiny_nwb, part):
    with h5py.File(tiny_nwb, "r+") as file:
        del file[part]
    with pytest.raises(InputError, match=rf"900000000\.nwb: .*{part}"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_images_that_have_no_template_are_refused(tiny_nwb):
    put(tiny_nwb, TEMPLATE, get(tiny_nwb, TEMPLATE)[:-1])
    with pytest.raises(InputError, match=r"900000000\.nwb: presentations must name images from -1, .* to 4"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_traces_of_another_number_of_neurons_are_refused(tiny_nwb):
    put(tiny_nwb, DFF, get(tiny_nwb, DFF)[:-1])
    with pytest.raises(InputError, match=r"900000000\.nwb: traces have shape \(4, .*expected 5 cells"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_a_recording_of_one_trial_a_stimulus_is_refused(tiny_nwb):
    for name in (SHOWN, FRAMES):
        put(tiny_nwb, name, get(tiny_nwb, name)[: N_SCENES + 1])
    with pytest.raises(InputError, match=r"900000000\.nwb: 1 trial.*at least 2.*leave the recording out"):
        read_nwb(tiny_nwb, WINDOW_S)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (TIMES, np.array(["a", "b"], "S"), r"timestamps is \|S1 of shape \(2,\); expected numbers \(axes: 1\)"),
        (TIMES, np.full(2602, np.nan), "times of frames must be finite and increase"),
        (FRAMES, np.zeros((28, 3), int), r"frames of presentations have shape \(28, 3\); expected \(28, 2\)"),
        (DEPTH, np.bytes_("deep"), "imaging depth is 'deep'; expected micrometres"),
        (RUNNING, np.array(["fast"], "S"), r"running_speed/data is .* expected numbers \(axes: 1 or 2\)"),
        (SHOWN, np.zeros(0, int), "not empty"),
    ],
)
def test_a_part_of_another_form_is_refused(tiny_nwb, name, value, words):
    put(tiny_nwb, name, value)
    with pytest.raises(InputError, match=rf"900000000\.nwb: .*{words}"):
        read_nwb(tiny_nwb, WINDOW_S)


def test_any_damage_is_refused_by_the_name_of_the_file(tiny_nwb):
    """HDF5 tells of damaged metadata in many ways."""
    whole, rng = tiny_nwb.read_bytes(), np.random.default_rng(0)
    for _ in range(30):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 20_000), 20):
            damaged[place] ^= 255
        tiny_nwb.write_bytes(damaged)
        try:
            read_nwb(tiny_nwb, WINDOW_S)
        except InputError as error:
            assert "900000000.nwb" in str(error)
