"""Trials of one recording, in the form that every reader returns and every later step reads."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from dormouse.errors import InputError
from dormouse.files import read_arrays, write_arrays

MIN_TRIALS = 2  # one for each half of a split
FEWEST_REPEATED = 3  # images with so many trials, over which responses are correlated; r of two is always 1 or -1
RUNNING_CM_S = 1.0  # mean speed from which a trial counts as running, as for the Allen Institute's p_run_mod_ns
BY_SPEED = ("running", "still")  # parts of the trials, besides those of
PARTS = {"all": slice(None), "odd": slice(0, None, 2), "even": slice(1, None, 2)}  # odd: the 1st, 3rd, ... trial
SCORED = "even"  # of these two, the part that has the only trial of an image: it can be scored, but selects nothing


@dataclass(frozen=True)
class Recording:
    """Responses of the neurons of one session to repeated stimuli.

    Trial k is the k-th presentation of a stimulus, not the k-th moment of the session.
    """

    response: np.ndarray  # (n_trials, n_stimuli, n_neurons) float32, in `unit`; NaN where a trial is missing
    running_speed: np.ndarray  # (n_trials, n_stimuli) float32, cm/s; NaN where unknown
    stimulus: np.ndarray  # (n_stimuli,) str, names in the order of the axis
    image_sha256: np.ndarray  # (n_stimuli,) str, SHA-256 of the pixels of images that are in the recording's file; else empty
    neuron: np.ndarray  # (n_neurons,) str
    animal: np.ndarray  # (n_neurons,) str
    area: np.ndarray  # (n_neurons,) str
    cortical_layer: np.ndarray  # (n_neurons,) str: 2/3, 4, 5, 6, or empty where unknown
    depth_um: np.ndarray  # (n_neurons,) float64; NaN where unknown
    cre_line: np.ndarray  # (n_neurons,) str, empty where unknown
    unit: str  # of the response

    def n_trials(self) -> np.ndarray:
        """Return the number of trials that are not missing, (n_stimuli, n_neurons)."""
        return (~np.isnan(self.response)).sum(axis=0)

    def presented(self) -> np.ndarray:
        """Return which trials of an image any neuron has, (n_trials, n_stimuli) bool."""
        return ~np.isnan(self.response).all(axis=2)

    def shown_once(self) -> np.ndarray:
        """Return which images have no second trial, (n_stimuli,) bool: halves of their trials cannot be made."""
        return self.presented().sum(axis=0) < MIN_TRIALS

    def repeated(self) -> "Recording":
        """Return the recording with only the images that were shown more than once; none of them if they are too few.

        It is the same recording if all images were shown more than once.
        """
        once = self.shown_once()
        if not once.any():
            return self
        return self.select(self.stimulus[~once] if (~once).sum() >= FEWEST_REPEATED else [])

    def select(self, stimuli: np.ndarray) -> "Recording":
        """Return the recording with only the named stimuli, in the order given."""
        place = {name: i for i, name in enumerate(self.stimulus)}
        missing = [name for name in stimuli if name not in place]
        if missing:
            raise InputError(f"The recording lacks {len(missing)} of {len(stimuli)} stimuli, first {missing[0]!r}.")
        index = [place[name] for name in stimuli]
        kept = {
            "response": self.response[:, index],
            "running_speed": self.running_speed[:, index],
            "stimulus": self.stimulus[index],
            "image_sha256": self.image_sha256[index],
        }
        return replace(self, **kept)

    def part(self, name: str) -> "Recording":
        """Return the recording with only a part of its trials: all, odd, even, running or still; see `of_speed`.

        Of an image that was shown once, `SCORED` has the only trial, wherever it stands, and the other half has none.
        """
        if name in BY_SPEED:
            kept = of_speed(self, name == "running")
            response = np.where(kept[:, :, None], self.response, np.float32("nan"))
            return replace(self, response=response, running_speed=np.where(kept, self.running_speed, np.float32("nan")))
        kept = PARTS[name]
        part = replace(self, response=self.response[kept], running_speed=self.running_speed[kept])
        return part if name == "all" else self._only_trials_to(part, name == SCORED)

    def _only_trials_to(self, part: "Recording", scored: bool) -> "Recording":
        """Return every other trial of this recording with the only trials of images moved to the half that is scored."""
        once = np.flatnonzero(self.shown_once())
        if not len(once) or not len(part.response):
            return part
        where = self.presented()[:, once].argmax(axis=0), once
        moved = {}
        for key in ("response", "running_speed"):
            whole, half = getattr(self, key), getattr(part, key).copy()
            half[:, once] = np.nan
            if scored:
                half[0, once] = whole[where]
            moved[key] = half
        return replace(part, **moved)


def of_speed(recording: Recording, running: bool) -> np.ndarray:
    """Return which trials count for running, or for being still, (n_trials, n_stimuli) bool; as many of each image in both.

    Where an image has more of one kind, some are left out, evenly from the first to the last: with all of them, or with the
    first ones, the two kinds would differ in noise, or in when they came. A trial without known speed is of neither kind.
    """
    there = recording.presented()
    with np.errstate(invalid="ignore"):
        fast, slow = there & (recording.running_speed >= RUNNING_CM_S), there & (recording.running_speed < RUNNING_CM_S)
    own, n = fast if running else slow, np.minimum(fast.sum(axis=0), slow.sum(axis=0))
    place, count = own.cumsum(axis=0), np.maximum(own.sum(axis=0), 1)
    return own & (place * n // count > (place - 1) * n // count)


def check_recording(recording: Recording, place: str | Path) -> Recording:
    """Return `recording` if its responses can be used; `place` names its file in errors.

    Raises InputError for repeated neurons, infinite values, or neurons without any response.
    """
    n_neurons = len(recording.neuron)
    ids, counts = np.unique(recording.neuron, return_counts=True)
    if (counts > 1).any():
        raise InputError(f"{place}: neuron {ids[counts > 1][0]} occurs {counts.max()} times; ids must be unique.")
    silent = recording.neuron[np.isnan(recording.response).all(axis=(0, 1))]
    if len(silent):
        raise InputError(
            f"{place}: {len(silent)} of {n_neurons} neurons hold nothing but NaN, first neuron {silent[0]}. "
            "NaN marks a missing trial; remove neurons that were never recorded."
        )
    infinite = recording.neuron[np.isinf(recording.response).any(axis=(0, 1))]
    if len(infinite):
        raise InputError(f"{place}: infinite responses, first in neuron {infinite[0]}; expected finite numbers or NaN.")
    return recording


def write_recording(path: str | Path, recording: Recording) -> None:
    """Write a recording to an .npz file, one array per field."""
    write_arrays(path, {field.name: np.asarray(getattr(recording, field.name)) for field in fields(recording)})


def read_recording(path: str | Path) -> Recording:
    """Read what `write_recording` wrote."""
    arrays = read_arrays(path, *(field.name for field in fields(Recording)))
    return Recording(**arrays | {"unit": str(arrays["unit"])})


def check_images(recording: Recording, hashes: Mapping[str, str], place: str | Path) -> None:
    """Raise InputError where an image in a recording's file differs, by hash, from the stimulus of the same name."""
    for name, came in zip(recording.stimulus, recording.image_sha256, strict=True):
        if came and hashes.get(name, came) != came:
            raise InputError(
                f"{place}: {name} is another image (SHA-256 {came[:12]}...) than in the recording that the stimuli were read "
                f"from ({hashes[name][:12]}...). Recordings of different stimuli cannot be pooled; leave one out."
            )


class Recordings:
    """Name and trials of each recording among `paths` that is in `names`, with the named stimuli only, read when visited.

    `part` says which trials, see `Recording.part`. One recording is in memory at a time.
    """

    def __init__(self, paths: Iterable[str | Path], names: Iterable[str], stimuli: np.ndarray, part: str):
        wanted = set(names)
        self._paths = [path for path in map(Path, paths) if path.stem in wanted]
        self._stimuli, self._part = stimuli, part

    def __iter__(self) -> Iterator[tuple[str, Recording]]:
        for path in self._paths:
            yield path.stem, read_recording(path).select(self._stimuli).part(self._part)
