"""Where recordings come from: the Allen Brain Observatory, the simulated demo, or a dataset folder."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dormouse.errors import InputError
from dormouse.recordings import folder
from dormouse.recordings.demo import simulated_sites
from dormouse.recordings.readers import session_area
from dormouse.stimuli import image_files

BUILT_IN = ("allen", "demo")
RESERVED = (*BUILT_IN, "zoo")  # folders of results that no dataset folder may share
FREE_TEXT = ("name", "description", "citation", "stimuli")  # keys of dataset.yaml that change no number
CITATION = "Allen Brain Observatory, Visual Coding (de Vries et al. 2020, Nat. Neurosci. 23:138)"


@dataclass(frozen=True)
class Dataset:
    """What the workflow must know of a data set before it reads any response."""

    name: str  # of its folder under results/
    kind: str  # responses or similarity
    reader: str  # key of `readers.TRIALS` and `readers.STIMULI`
    description: str
    citation: str
    areas: list[str]  # those of the configuration that the data set has
    recordings: list[str] | None  # names; None where a service has yet to be asked
    source: str  # path or address of a recording, with {recording} in the place of its name
    described: Mapping = field(default_factory=dict)  # what else than files tells how trials are read
    events: tuple[str, ...] = ()  # the same of the file of its events, where these are the response
    described_by: tuple[str, ...] = ()  # files that say what the recordings are
    images: tuple[str, ...] = ()  # files of the stimuli, where they are not inside the recordings


def open_dataset(config: Mapping) -> Dataset:
    """Return the data set that the configuration names: `allen`, `demo`, or the path of a dataset folder.

    Raises InputError for whatever of a folder can be seen to be wrong without reading responses.
    """
    wanted = config["dataset"]
    if wanted == "demo":
        sites = simulated_sites()
        return Dataset(
            name="demo",
            kind="responses",
            reader="nwb",
            description="Simulated neurons: pooled Gabor energy with trial noise, on scenes made by the program.",
            citation="",
            areas=_shared(config["areas"], {site.area for site in sites}, "demo"),
            recordings=[site.recording for site in sites],
            source="results/demo/nwb/{recording}.nwb",
        )
    if wanted == "allen":
        return _open_allen(config)
    return _open_folder(Path(wanted), config["areas"])


def _open_allen(config: Mapping) -> Dataset:
    allen, file = config["allen"], "ophys_experiment_data/{recording}.nwb"
    in_place = allen["access"] == "stream" and not allen["keep"]
    events = config["response"]["measure"] == "events"
    return Dataset(
        name="allen",
        kind="responses",
        reader="nwb",
        description="Two-photon calcium imaging of mouse visual cortex, natural scenes.",
        citation=CITATION,
        areas=list(config["areas"]),
        recordings=None,
        source=f"{allen['bucket'] if in_place else 'resources/allen'}/{file}",
        events=("resources/allen/ophys_experiment_events/{recording}_events.npz",) if events else (),
    )


def _open_folder(path: Path, areas: list[str]) -> Dataset:
    if not path.is_dir():
        raise InputError(f"config: dataset: {path} is not a folder; expected {', '.join(BUILT_IN)} or a dataset folder.")
    name = path.resolve().name
    if name in RESERVED:
        raise InputError(f"config: dataset: {path}: the name {name!r} is reserved, as results/{name} is; rename the folder.")
    if not re.fullmatch(r"[\w.-]+", name):
        raise InputError(f"config: dataset: {path}: rename the folder; its name may hold letters, digits and '_.-' alone.")
    description = folder.read_description(path)
    common = {
        "name": name,
        "description": description.get("description", description["name"]),
        "citation": description.get("citation", ""),
    }
    if description["kind"] == "nwb":
        files = folder.nwb_files(path)
        present = {session_area(file) for file in files}
        return Dataset(
            **common,
            kind="responses",
            reader="nwb",
            areas=_shared(areas, present, path),
            recordings=[file.stem for file in files],
            source=str(path / "recordings" / "{recording}.nwb"),
        )
    images = image_files(folder.stimuli_folder(path))
    if description["kind"] == "similarity":
        sites, recordings = [folder.site_of(site)[0] for site in folder.site_names(path)], []
        file = "similarity.npz"
    else:
        neurons = folder.check_folder(path)
        sites, recordings = neurons.area, list(neurons.session.unique())
        file = "neurons.csv"
    return Dataset(
        **common,
        kind=description["kind"],
        reader="folder",
        areas=_shared(areas, set(sites), path),
        recordings=recordings,
        source=str(path / "responses" / "{recording}.npz"),
        described={"stimuli": [image.stem for image in images]}
        | {key: value for key, value in description.items() if key not in FREE_TEXT},
        described_by=(str(path / file),),
        images=tuple(map(str, images)),
    )


def _shared(wanted: list[str], present: set[str], place: str | Path) -> list[str]:
    areas = [area for area in wanted if area in present]
    if not areas:
        raise InputError(f"{place}: none of config: areas {wanted} is among the areas of the data, {sorted(present)}.")
    if len(areas) < len(wanted):
        absent = ", ".join(area for area in wanted if area not in present)
        print(f"{place}: no data in {absent}, of config: areas; the data have {', '.join(sorted(present))}.", file=sys.stderr)
    return areas
