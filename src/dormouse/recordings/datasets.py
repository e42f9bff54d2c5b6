"""The data set of a run: the Allen Brain Observatory, the simulated demo, or a dataset folder."""

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dormouse.content_hash import file_hash, file_hashes, is_made, short_hash
from dormouse.errors import InputError
from dormouse.given import check_file, list_files
from dormouse.recordings import dataset_folder as folder
from dormouse.recordings.image_table import describe_allen, describe_images
from dormouse.recordings.names import check_areas, without
from dormouse.recordings.readers import session_area
from dormouse.recordings.session import scene_names
from dormouse.recordings.simulated_sites import simulated_sites
from dormouse.run.folder import SHARED
from dormouse.schemas import NAME, check
from dormouse.stimuli.images import image_files, image_notes, listed
from dormouse.written import MOST_TEXT_BYTES

BUILT_IN = ("allen", "demo")
SIMULATED = "results/simulated"  # where simulated recordings lie, in a folder for each size and seed
RESERVED = (*BUILT_IN, *SHARED)  # names of runs, and of what they share, that no dataset folder may have
NOT_OF_TRIALS = ("name", "description", "citation", "stimuli", "background")  # keys of dataset.yaml
CITATION = "Allen Brain Observatory, Visual Coding (de Vries et al. 2020, Nat. Neurosci. 23:138)"


@dataclass(frozen=True)
class Dataset:
    """What the workflow must know about a data set before it reads any response."""

    name: str  # of its runs, where these have none of their own
    title: str  # what it calls itself
    kind: str  # responses or similarity
    reader: str  # key of `readers.TRIALS` and `readers.STIMULI`
    description: str
    citation: str
    areas: list[str]  # those of the configuration that the data set has
    recordings: list[str] | None  # names; None until the service has been asked
    source: str  # path or address of a recording, with {recording} for its name
    described: Mapping = field(default_factory=dict)  # what affects how trials are read, besides files
    events: tuple[str, ...] = ()  # path of the file of events, likewise, if these are the response
    described_by: tuple[str, ...] = ()  # files that describe the recordings
    images: tuple[str, ...] = ()  # files of the stimuli, if not inside the recordings
    stimuli: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # names of the images, and what is said of each
    background: int | None = None  # grey of the screen around these, 0 to 255, if known
    trials: Mapping[str, int] = field(default_factory=dict)  # of each image, by area, where known; the most of any recording
    speed: bool = True  # whether any recording has running speed


def open_dataset(config: Mapping) -> Dataset:
    """Return the data set that the configuration names: `allen`, `demo`, or the path of a dataset folder.

    Raises InputError for everything that can be found wrong in a folder without reading responses.
    """
    wanted = config["dataset"]
    if wanted == "demo":
        sites = simulated_sites()
        used = without([site.recording for site in sites], config["exclude"], "the demo")
        sites = [site for site in sites if site.recording in used]
        return Dataset(
            name="demo",
            title="demo",
            kind="responses",
            reader="nwb",
            description="Simulated neurons: pooled Gabor energy with trial noise, on scenes made by the program.",
            citation="",
            areas=_shared(config["areas"], Counter(site.area for site in sites), "recordings", "demo"),
            recordings=[site.recording for site in sites if site.area in config["areas"]],
            source=f"{SIMULATED}/{short_hash(config['demo'])}/{{recording}}.nwb",
            stimuli={name: {} for name in scene_names(config["demo"]["n_scenes"], blank=False).tolist()},
            trials=dict.fromkeys(config["areas"], config["demo"]["n_trials"]),
        )
    if wanted == "allen":
        return _open_allen(config)
    return _open_folder(Path(wanted), config["areas"], config["exclude"])


def images_key(dataset: Dataset, blank: bool) -> str:
    """Return a key for the images of a data set: for the files that hold them, and how they are read.

    Parameters
    ----------
    blank : whether the grey screen counts as a stimulus, where images are read from recordings
    """
    if dataset.images:
        names = [Path(file).name for file in dataset.images]
        return short_hash([names, file_hashes(dataset.images), dataset.background])
    first = dataset.source.format(recording=dataset.recordings[0]) if dataset.recordings else dataset.name
    return short_hash([file_hash(first) if dataset.recordings and not is_made(first) else first, blank])


def published_matrices(path: str | None, areas: Sequence[str], n_images: int, n_scenes: int) -> list[str]:
    """Return the file of the published similarities with which those of the run are compared; none without a folder.

    Parameters
    ----------
    path : `replication.matrices` of the configuration, a dataset folder
    areas : of the run
    n_images, n_scenes : number of images of the run, and of those without the blank

    Raises InputError for a folder that is not of similarities, or of other images or areas.
    """
    if path is None:
        return []
    place, file = f"config: replication.matrices: {path}", Path(path, "similarity.npz")
    if (kind := folder.read_description(Path(path))["kind"]) != "similarity":
        raise InputError(f"{place} is a data set of kind {kind}; expected one of kind similarity. See docs/data.md.")
    sites, rows = folder.check_similarity(file)
    n, there = len(rows), {area for area, _ in sites.values()}
    if not there & set(areas):
        raise InputError(f"{place} has none of the areas {', '.join(areas)} of this run; it has {', '.join(sorted(there))}.")
    if n not in (n_images, n_scenes):
        raise InputError(f"{place} is of {n} images, this run of {n_images}. Name a folder of matrices of the same images.")
    return [str(file)]


def _open_allen(config: Mapping) -> Dataset:
    allen, file = config["allen"], "ophys_experiment_data/{recording}.nwb"
    in_place = allen["access"] == "stream" and not allen["keep"]
    if allen["access"] == "sdk" and os.path.lexists(allen["manifest"]):
        check_file(allen["manifest"], most_bytes=MOST_TEXT_BYTES)
    events = config["response"]["measure"] == "events"
    return Dataset(
        name="allen",
        title="allen",
        kind="responses",
        reader="nwb",
        description="Two-photon calcium imaging of mouse visual cortex, natural scenes.",
        citation=CITATION,
        areas=list(config["areas"]),
        recordings=None,
        source=f"{allen['bucket'] if in_place else 'resources/allen'}/{file}",
        events=("resources/allen/ophys_experiment_events/{recording}_events.npz",) if events else (),
        stimuli=describe_allen(),
    )


def _open_folder(path: Path, areas: list[str], exclude: Sequence[str | int]) -> Dataset:
    if not path.is_dir():
        raise InputError(f"config: dataset: {path} is not a folder; expected {', '.join(BUILT_IN)} or a dataset folder.")
    name = path.resolve().name
    if name.casefold() in RESERVED:  # some systems have one folder for both
        raise InputError(f"config: dataset: {path}: the name {name!r} is reserved, as results/{name} is; rename the folder.")
    check(name, NAME, f"config: dataset: {path}: rename the folder")
    description = folder.read_description(path)
    common = {
        "name": name,
        "title": description["name"],
        "description": description.get("description", description["name"]),
        "citation": description.get("citation", ""),
    }
    if description["kind"] == "nwb":
        return _open_nwb(path, common, areas, exclude)
    images = image_files(folder.stimuli_folder(path))
    for note in image_notes(images[0].parent):
        print(note, file=sys.stderr)
    if description["kind"] == "similarity":
        sites, _ = folder.check_similarity(path / "similarity.npz")
        present, unit, recordings = Counter(area for area, _ in sites.values()), "sites", []
        file, trials, speed = "similarity.npz", {}, False
        if exclude:
            raise InputError(
                f"config: exclude: {exclude[0]!r}, but {path} gives similarities, of no recordings. Empty the list."
            )
    else:
        neurons = folder.check_folder(path, exclude)
        present, unit, recordings = Counter(neurons.area), "neurons", list(neurons.session.unique())
        _tell_others(path / "responses", ".npz")
        file, trials, speed = "neurons.csv", folder.most_trials(path, neurons), folder.knows_speed(path, recordings)
    areas = _shared(areas, present, unit, path)
    return Dataset(
        **common,
        kind=description["kind"],
        reader="folder",
        areas=areas,
        recordings=recordings,
        source=str(path / "responses" / "{recording}.npz"),
        described={"stimuli": [image.stem for image in images]}
        | {key: value for key, value in description.items() if key not in NOT_OF_TRIALS},
        described_by=(str(path / file),),
        images=tuple(map(str, images)),
        stimuli=describe_images(path, images),
        background=description.get("background"),
        trials={area: n for area, n in trials.items() if area in areas},
        speed=speed,
    )


def _open_nwb(path: Path, common: Mapping[str, str], areas: list[str], exclude: Sequence[str | int]) -> Dataset:
    files = folder.nwb_files(path)
    used = without([file.stem for file in files], exclude, path)
    files = [file for file in files if file.stem in used]
    present = Counter()
    for area, n_neurons in map(session_area, files):
        present[area] += n_neurons
    _tell_others(path / "recordings", ".nwb")
    return Dataset(
        **common,
        kind="responses",
        reader="nwb",
        areas=_shared(areas, present, "neurons", path),
        recordings=[file.stem for file in files],
        source=str(path / "recordings" / "{recording}.nwb"),
        stimuli=describe_allen(),
    )


def _tell_others(place: Path, ending: str) -> None:
    """Print which files of a folder of recordings are not read."""
    others = list_files(place, [ending])[1]
    if others:
        print(f"{place}: no *{ending}, and not read: {listed(others)}.", file=sys.stderr)


def _shared(wanted: list[str], present: Mapping[str, int], unit: str, place: str | Path) -> list[str]:
    """Return the areas that are in both configuration and data, and print those that are in only one of them.

    Parameters
    ----------
    present : number of neurons, sites or recordings (`unit`) by area
    """
    check_areas(place, wanted, present)
    areas = [area for area in wanted if area in present]
    if not areas:
        raise InputError(f"{place}: none of config: areas {wanted} is among the areas of the data, {sorted(present)}.")
    if len(areas) < len(wanted):
        absent = ", ".join(area for area in wanted if area not in present)
        print(f"{place}: not scored, because the data have nothing there: {absent}.", file=sys.stderr)
    beyond = ", ".join(f"{area} ({present[area]} {unit})" for area in sorted(present) if area not in wanted)
    if beyond:
        print(f"{place}: not studied, because config: areas does not name it: {beyond}.", file=sys.stderr)
    return areas
