"""Shared by all rules: the checked configuration, the data set, the models, and the files that rules read."""

import re

from snakemake.utils import update_config

from dormouse.features.keys import kernels_key
from dormouse.inference.contrasts import list_contrasts
from dormouse.methods.images import with_images
from dormouse.methods.labels import method_differs, selection_differs
from dormouse.methods.table import (
    GIVEN,
    by_family,
    computed,
    family_code,
    left_out,
    list_methods,
    reads_rdms,
    set_side_by_side,
    stored_kernels,
    told,
)
from dormouse.models.given_weights import check_given_weights
from dormouse.models.registry import list_models, training_spec
from dormouse.models.specification import (
    LABELS,
    OF_RUN,
    TRAINED,
    WEIGHTS,
    anatomy_files,
    architecture,
    content_key,
    downloads,
    network_files,
    network_of,
    run_of,
    same_network,
    table_files,
    weight_files,
    with_sets,
)
from dormouse.mousenet.anatomy import FOLDER
from dormouse.paper.exporting import export_files
from dormouse.paper.listing import figure_code, list_figures
from dormouse.neurons.selection import published_counts
from dormouse.recordings.datasets import images_key, open_dataset, published_matrices
from dormouse.recordings.simulated_sites import simulated_sites
from dormouse.run.folder import run_folder
from dormouse.schemas import check_layers
from dormouse.stimuli.images import BLANK, ORIGINAL
from dormouse.tables import read_table
from dormouse.targets import READ, list_targets
from dormouse.training.epoch_files import epoch_file
from dormouse.training.training_key import training_key
from dormouse.written import given_table, read_layers

CONFIG_SCHEMA, MODEL_SCHEMA = (read_schema(ROOT / f"workflow/schemas/{name}.schema.yaml") for name in ("config", "models"))


@in_one_line()
def read_configuration():
    """Return the configuration, checked.

    It lies beside the workflow, wherever one works. A config.yaml in the working directory says what differs, and so do files
    and entries of the command line; or another workflow, which imports this one as a module.
    """
    own, settings = [os.path.relpath(ROOT / "config.yaml")], workflow.config_settings
    if workflow.modifier.is_main_snakefile():
        if os.path.lexists("config.yaml") and "config.yaml" not in own:
            own.append("config.yaml")
        given = read_layers(settings.configfiles, settings.config_args or (), CONFIG_SCHEMA)
    else:
        given = [("config of the module", config)]
    layers = [*read_layers([] if settings.replace_workflow_config else own, (), CONFIG_SCHEMA), *given]
    check_layers(layers, CONFIG_SCHEMA)
    workflow.configfiles += own  # as the directive `configfile` does
    merged = {}
    for _, layer in layers:
        update_config(merged, layer)
    check(merged, CONFIG_SCHEMA, "config")
    return merged


config = read_configuration()
METHOD_TABLE, SELECTION = own_table("methods"), config["selection"]
with in_one_line():
    model_rows = given_table(ROOT / "resources/models.tsv", separator="\t")
    for line, row in zip(model_rows.index, model_rows.to_dict("records")):
        check(row, MODEL_SCHEMA, f"resources/models.tsv: line {line}")
    DATASET = open_dataset(config)
    MODELS = with_sets(list_models(model_rows, config), config["stimuli"]["sets"])
    if workflow.is_main_process:
        check_given_weights(MODELS)
    # what is said of each image; the Allen data and the demo, which hold their images in recordings, get a blank
    DESCRIBED = DATASET.stimuli | ({BLANK: {}} if config["stimuli"]["blank"] and not DATASET.images else {})
    N_IMAGES = len(DESCRIBED)
    PUBLISHED = published_matrices(config["replication"]["matrices"], DATASET.areas, N_IMAGES, N_IMAGES - (BLANK in DESCRIBED))
    METHODS = with_images(list_methods(METHOD_TABLE, config, DATASET.kind), DESCRIBED)
    # what the data set has too little for is left out, and the report says so
    LEFT_OUT = left_out(METHODS, SELECTION["named"], DATASET.kind, list(DESCRIBED), DATASET.trials, DATASET.speed)
    RUN_OF = {"name": DATASET.name, "title": DATASET.title, "kind": DATASET.kind}
    RESULTS = run_folder(config, RUN_OF)
    # runs share the images, and everything made from images alone
    IMAGES = images_key(DATASET, config["stimuli"]["blank"])
DOWNLOADS, SAME_NETWORK = downloads(MODELS), same_network(MODELS)
OF_MOUSENET = [model for model, spec in MODELS.items() if (spec["source"], spec["stimulus_set"]) == ("mousenet", ORIGINAL)]
RUNS = sorted({run_of(spec["weights"]) for spec in MODELS.values() if spec["weights"].startswith(OF_RUN)})
if LEFT_OUT and workflow.is_main_process:
    print(f"Methods left out: {told(LEFT_OUT)}.", file=sys.stderr)
METHODS = {name: row for name, row in METHODS.items() if name not in sum(LEFT_OUT.values(), [])}
FAMILIES = by_family(METHODS)
KERNELS = sorted({"centred", *stored_kernels(METHODS)})
# a data set of similarities has no neurons to select, and no trials to estimate a ceiling from
HAS_NEURONS = DATASET.kind == "responses"
SELECTIONS = list(dict.fromkeys(row["selection"] for row in METHODS.values())) if HAS_NEURONS else []
# the trials that select neurons, and those that are scored, as selections name them
TRIALS = sorted({tuple(SELECTION["named"][name][key] for key in ("select_on", "score_on")) for name in SELECTIONS})
TITLE = f"{DATASET.name} (simulated neurons)" if DATASET.name == "demo" else DATASET.name
DISTANCES = [f"{RESULTS}/tables/unit_distances.parquet"] * (HAS_NEURONS and bool(OF_MOUSENET))
STIMULI = f"results/stimuli/{IMAGES}.npz"


wildcard_constraints:
    recording=r"[\w.-]+",
    area="|".join(DATASET.areas),
    model="|".join(map(re.escape, MODELS)),
    key=r"[0-9a-f]{12}",
    family="|".join(FAMILIES),
    method="|".join(METHODS),
    selection="|".join(map(re.escape, SELECTION["named"])),
    variant="|".join(map(re.escape, config["mousenet"]["variants"])),
    run="|".join(map(re.escape, config["training"])) or "none",


@in_one_line()
def recordings():
    """Return the names of all recordings; the Allen service is asked for its own."""
    if DATASET.recordings is None:
        listed = read_table("recordings", checkpoints.list_recordings.get().output[0])
        return list(listed.recording[listed.used])
    return DATASET.recordings


def stimulus_sources():
    """Return the files of the images, or the path or address of the first recording, which holds them."""
    return DATASET.images or expand(DATASET.source, recording=recordings()[:1])


def service_metrics(selection):
    """Return the file of the published metrics of cells, for selections by all trials, because these metrics use all trials."""
    published = DATASET.name == "allen" and SELECTION["metrics"] == "service"
    return [f"{RESULTS}/tables/cell_metrics.parquet"] * (published and SELECTION["named"][selection]["select_on"] == "all")


@in_one_line()
def kernel_files(model, kernels):
    """Return the files of some kernels of a model."""
    key = kernels_key(MODELS[model], IMAGES, config)
    return [f"results/kernels/{model}/{key}/{kernel}.npz" for kernel in kernels]


def of_selections(place, family):
    """Return the files of a pattern of selections and areas, for the selections of one family."""
    selections = dict.fromkeys(row["selection"] for row in FAMILIES[family].values())
    return expand(f"{RESULTS}/{place}", selection=selections, area=DATASET.areas)


def ceilings_of_rdms(family):
    """Return the files of the ceilings of RDMs, for a family that reads these."""
    needed = HAS_NEURONS and reads_rdms(FAMILIES[family])
    return of_selections("ceilings/{selection}/{area}.parquet", family) if needed else []


def targets_of(family):
    """Return what each method of a family reads of a site, whose it is, and how it chooses layers."""
    keys = ("target", "source", "choice", "images")
    return {name: {key: row[key] for key in keys if key in row} for name, row in FAMILIES[family].items()}


def parts_of(table):
    """Return the files of the parts of a table: of all selections or the first, of areas, families, and so on, each once."""
    values = {"selection": SELECTIONS, "first": SELECTIONS[:1], "area": DATASET.areas, "family": FAMILIES}
    if table in SHARED_PARTS:
        return expand(SHARED_PARTS[table], variant=VARIANTS, run=RUNS)
    return list(dict.fromkeys(expand(f"{RESULTS}/{PARTS[table]}", **values)))


def differing(methods):
    """Return for each method the settings that differ from its defaults and those of its selection."""
    words = {
        name: [method_differs(config, name, row), selection_differs(config, row["selection"])] for name, row in methods.items()
    }
    return {name: ", ".join(filter(None, parts)) for name, parts in words.items()}


@in_one_line()
def epochs_of(run):
    """Return the folder of a run's epochs. Anything that changes the weights changes the folder, so no epoch is lost.

    The folder also depends on the contents of images and tables, so as a parameter it makes a job run again if these change.
    It is computed only when the run is needed, because there may be many images.
    """
    return f"{TRAINED}/{run}/{training_key(training_spec(run, config), config['training'][run])}"


def epoch_or_run(wildcards):
    """Return the file of an epoch if it exists, so that more epochs of its run do not affect it; else the run's history."""
    file = epoch_file(epochs_of(wildcards.run), int(wildcards.epoch))
    return str(file) if file.is_file() else f"{TRAINED}/{wildcards.run}.parquet"


BLOCKS_MB = 2500  # blocks of layers, of areas, of neurons and of splits: the constants *_BYTES of the package
COPIES = 3  # of targets: as they are read, joined, and prepared for a method


def memory_mb(fixed, in_blocks, per_pair=0.0005):
    """Return a function for `resources`: MB that a job takes, with a margin, and twice, three times that when it is tried again.

    It grows with the pairs of images: of what is held in blocks, `in_blocks` MB a pair up to `BLOCKS_MB`, and of single
    matrices `per_pair`; and with the files of `targets`, where the rule has such. docs/benchmarks.md has the measurements.
    """
    n_pairs = N_IMAGES**2
    of_images = fixed + min(in_blocks * n_pairs, BLOCKS_MB) + per_pair * n_pairs

    def needed(wildcards, input, attempt):
        targets = sum(map(os.path.getsize, getattr(input, "targets", [])))
        return attempt * round(of_images + COPIES * targets / 1e6)

    return needed
