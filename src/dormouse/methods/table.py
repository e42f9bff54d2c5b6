"""Which methods are run: rows of resources/methods.yaml, and rows added in the configuration.

A method is a row: it names its family, what it reads of layers and sites, and how it is shown. A family is a module of this
folder with a function

    score(kernels, target, settings) -> one score per layer, for every site or neuron of the target

Parameters of every `score`
---------------------------
kernels : the kernels that the row names, each (n_layers, n_images, n_images) float64, with `row_sum` (n_layers, n_images) and
    `n_features` (n_layers,); of all layers of a model, or of some at a time where there are many images (`model_kernels`)
target : RDMs of sites (n_sites, n_images, n_images), or mean responses (n_images, n_neurons)
settings : those of the row

A family may also have functions that spare `inference.scorer` refits, with the same first three parameters:

split_scores(kernels, responses, settings) -> scores of splits of the images that the family makes itself
resampled(kernels, target, settings, layers, counts) -> scores of given layers in resamples, with images drawn `counts` times
permuted(kernels, rdms, settings, permutations) -> scores of all layers with the images of the RDMs in every permuted order

Without them, `score` is called on halves of the images, and on permuted targets.

A user's function is called for one site at a time (`methods.user`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dormouse.code_hash import script_code
from dormouse.content_hash import file_hash
from dormouse.errors import InputError, suggest
from dormouse.methods.images import USER, images_of, is_part
from dormouse.models.user import check_name, user_code
from dormouse.recordings.trials import BY_SPEED, MIN_TRIALS

GIVEN = "given"  # instead of a selection, where a data set gives similarities and so no neurons to select
RDMS, RESPONSES = ("rdm", "rdm_zscored"), "responses"  # targets
OF_KIND = {"responses": (*RDMS, RESPONSES), "similarity": RDMS[:1]}  # which targets a data set has, by its kind
OF_ALL_IMAGES = {"srp", "zscore"}  # kernels of features that were standardised over all images
DERIVED = {"gram": "centred"}  # kernels that are computed from another kernel, whose file is read
FUNCTIONS = ("score", "split_scores", "resampled", "permuted")  # of a family; inference calls those after the first
OTHER_IMAGES = "other_images"  # choice of a row whose layers are not chosen on the images on which they are scored
FEWEST_IMAGES = 8  # to choose layers on one half: four in each, because RDMs of three images have only three distances
FEWEST_OF_PART = 4  # images that a row names by a column
FEWEST_IN_FOLD = 3  # images; r of two is always 1 or -1
FEWEST_TRIALS = {  # of each image, by those that are used
    "all": MIN_TRIALS,
    "odd": 2 * MIN_TRIALS - 1,
    "even": 2 * MIN_TRIALS,
    **dict.fromkeys(BY_SPEED, 2 * MIN_TRIALS),
}
COMPUTED = ("family", "source", "name", "kernels", "target", "selection", "images", "settings", "files")
ADDED = {  # defaults of an added row
    **{
        "kernels": ["gram"],
        "selection": "paper",
        "images": "all",
        "settings": {},
        "unit": "layer",
        "choice": "same_data",
        "null_score": None,
    },
    **{"axis": "score", "description": "", "files": []},
}


def list_methods(table: Mapping, config: Mapping, kind: str) -> dict[str, dict]:
    """Return the row of every method that the configuration asks for, by name.

    Parameters
    ----------
    table : resources/methods.yaml, presets and rows
    config : `methods` (names of rows or presets to `run`, rows to `add`, `selection` for all rows) and `selection`
    kind : kind of the data set, responses or similarity

    Raises InputError for an unknown name or selection, a name that is given twice, or a row whose parts do not fit together.
    """
    wanted, place = config["methods"], "config: methods"
    rows, presets = table["rows"], table["presets"]
    known = {name: [name] for name in rows} | presets
    if both := rows.keys() & presets.keys():
        raise InputError(f"resources/methods.yaml: {min(both)!r} names a row and a preset; rename one of them.")
    for preset, names in presets.items():
        if unknown := [name for name in names if name not in rows]:
            raise InputError(f"resources/methods.yaml: presets.{preset}: no row {unknown[0]!r}. {suggest(unknown[0], rows)}")
    for name in wanted["run"]:
        if name not in known:
            raise InputError(f"{place}.run: unknown method {name!r}. {suggest(name, known)}")
    chosen = {method: rows[method] for name in wanted["run"] for method in known[name]}
    for name, line in wanted["add"].items():
        if name in known:
            raise InputError(f"{place}.add: {name} is already in resources/methods.yaml; choose another name.")
        chosen[name] = _complete(name, line, _families(rows), f"{place}.add.{name}")
    for name, row in chosen.items():
        _check_images(name, row)
    return {name: row | _selection(name, row, config, kind) for name, row in chosen.items()}


def left_out(
    methods: Mapping[str, Mapping],
    named: Mapping[str, Mapping],
    kind: str,
    stimuli: Sequence[str],
    trials: Mapping[str, int],
    speed: bool = True,
) -> dict[str, list[str]]:
    """Return the methods that the data set has too little for, by what it lacks; raises InputError if no other is left.

    Parameters
    ----------
    methods : from `images.with_images`
    named : selections of the configuration, by name
    kind : kind of the data set
    stimuli : names of all images
    trials : number of trials of each image, by area, where it is known before recordings are read
    speed : whether running speed is known
    """
    found: dict[str, list[str]] = {}
    for name, row in methods.items():
        if lacking := _lacking(row, named, kind, stimuli, trials, speed):
            found.setdefault(lacking, []).append(name)
    if sum(map(len, found.values())) == len(methods):
        raise InputError(
            f"config: methods: no method that this data set allows: {told(found)}. Add to methods.run; or, where images were "
            "shown once, set methods.selection to every."
        )
    return found


def told(left_out: Mapping[str, Sequence[str]]) -> str:
    """Return in words which methods are left out, and why."""
    return "; ".join(f"{', '.join(names)} ({lacking})" for lacking, names in left_out.items())


def _lacking(
    row: Mapping, named: Mapping[str, Mapping], kind: str, stimuli: Sequence[str], trials: Mapping[str, int], speed: bool
) -> str | None:
    """Return what a data set lacks for a row, in words, or None."""
    if row["target"] not in OF_KIND[kind]:
        return f"the data set gives {kind}"
    if row["selection"] in named:
        if not speed and named[row["selection"]]["score_on"] in BY_SPEED:
            return f"running speed is not known, and the selection {row['selection']} needs it"
        needed = _trials_needed(named[row["selection"]])
        for area, n in trials.items():
            if n < needed:
                many = f"{n} trial{'s' * (n > 1)} of each image in {area}"
                return f"{many}, and the selection {row['selection']} needs {needed}"
    n_images = len(np.asarray(stimuli)[images_of(row, stimuli)])
    folds = None if row.get("source") == USER else row["settings"].get("folds")
    if isinstance(folds, int) and n_images < folds * FEWEST_IN_FOLD:
        return f"{n_images} images, and {folds} folds need {folds * FEWEST_IN_FOLD}"
    if isinstance(folds, list) and (smallest := min(Counter(folds).values())) < FEWEST_IN_FOLD:
        return f"a fold of {smallest} images, and each needs {FEWEST_IN_FOLD}"
    if is_part(row) and n_images < FEWEST_OF_PART:
        return f"{n_images} such images, and a method needs {FEWEST_OF_PART}"
    if row["choice"] == OTHER_IMAGES and n_images < FEWEST_IMAGES:
        return f"{n_images} images, and layers chosen on other images need {FEWEST_IMAGES}"
    return None


def _trials_needed(selection: Mapping) -> int:
    """Return how many trials of each image a selection needs: one where it keeps neurons of unknown reliability."""
    used = {selection[key] for key in ("select_on", "score_on")}
    return 1 if used == {"all"} and "reliable" not in selection["filters"] else max(FEWEST_TRIALS[part] for part in used)


def set_side_by_side(methods: Mapping[str, Mapping], named: Sequence[str]) -> list[str]:
    """Return the methods that figures set side by side: those named, else one of each family.

    Of a family this is the first row that chooses layers on other images, or else its first row.

    Parameters
    ----------
    methods : those of the run
    named : `figures.methods` of the configuration

    Raises InputError for a named method that is not run.
    """
    if unknown := [name for name in named if name not in methods]:
        raise InputError(f"config: figures.methods: {unknown[0]!r} is not run. {suggest(unknown[0], methods)}")
    honest = {
        family: [name for name, row in rows.items() if row["choice"] == OTHER_IMAGES and not is_part(row)]
        for family, rows in by_family(methods).items()
    }
    return list(named) or [(names or list(by_family(methods)[family]))[0] for family, names in honest.items()]


def by_family(methods: Mapping[str, Mapping]) -> dict[str, dict[str, Mapping]]:
    """Return the rows of each family."""
    families: dict[str, dict[str, Mapping]] = {}
    for name, row in methods.items():
        families.setdefault(row["family"], {})[name] = row
    return families


def stored_kernels(rows: Mapping[str, Mapping]) -> list[str]:
    """Return the kernels whose files these methods read."""
    return sorted({DERIVED.get(kernel, kernel) for row in rows.values() for kernel in row["kernels"]})


def reads_rdms(rows: Mapping[str, Mapping]) -> bool:
    """Return whether the methods of a family read RDMs; others read responses."""
    return any(row["target"] in RDMS for row in rows.values())


def computed(rows: Mapping[str, Mapping], *also: str) -> dict[str, dict]:
    """Return the keys of each row that change scores, and others that are asked for, but not how it is shown."""
    return {name: {key: row[key] for key in (*COMPUTED, *also) if key in row} for name, row in rows.items()}


def family_code(methods: Mapping[str, Mapping], whole: bool = False) -> dict[str, str]:
    """Return hashes of the code behind the methods, and of files that the user names.

    Parameters
    ----------
    whole : whether all functions of a family count, those that inference calls, or `score` alone
    """
    found: dict[str, str] = {}
    for row in methods.values():
        if row.get("source") == USER:
            found |= user_code(row["name"]) | {name: file_hash(name) for name in row["files"]}
        else:
            found |= script_code(Path(__file__).with_name(f"{row['family']}.py"), *(FUNCTIONS if whole else FUNCTIONS[:1]))
    return found


def _families(rows: Mapping[str, Mapping]) -> dict[str, bool]:
    """Return the known families, and whether each reads RDMs."""
    return {row["family"]: row["target"] in RDMS for row in rows.values()}


def _complete(name: str, line: Mapping, families: Mapping[str, bool], place: str) -> dict:
    """Return an added row with all keys that a row of the table has."""
    row = ADDED | {"label": name} | dict(line)
    if ("source" in line) == ("family" in line) or ("source" in line) != ("name" in line):
        known = ", ".join(families)
        raise InputError(f"{place}: expected source: {USER} and name: module:function, or family: one of {known}.")
    if "source" in line:
        check_name(line["name"], f"{place}.name")
        row["family"] = name
        if name in families:
            raise InputError(f"{place}: {name!r} is the name of a family; choose another name.")
    elif row["family"] not in families:
        raise InputError(f"{place}.family: unknown family {row['family']!r}. {suggest(row['family'], families)}")
    elif (row["target"] in RDMS) != families[row["family"]]:
        of_family = " or ".join(RDMS) if families[row["family"]] else RESPONSES
        raise InputError(f"{place}.target: {row['target']!r}, but {row['family']} reads {of_family}.")
    return row


def _check_images(name: str, row: Mapping) -> None:
    """Raise InputError if a row leaves images out of a kernel whose features were standardised over all images."""
    if row["images"] != "all" and (standardised := OF_ALL_IMAGES.intersection(row["kernels"])):
        raise InputError(
            f"method {name}: images: {row['images']}, but the kernel {min(standardised)} is of features that were "
            "standardised over all images. Name gram or centred."
        )


def _selection(name: str, row: Mapping, config: Mapping, kind: str) -> dict[str, str]:
    """Return the selection that a row is scored on."""
    if kind == "similarity":
        return {"selection": GIVEN}
    selection, named = config["methods"]["selection"] or row["selection"], config["selection"]["named"]
    if selection not in named:
        place = "methods.selection" if config["methods"]["selection"] else f"method {name}: selection"
        raise InputError(f"config: {place}: {selection!r} is none of selection.named. {suggest(selection, named)}")
    return {"selection": selection}
