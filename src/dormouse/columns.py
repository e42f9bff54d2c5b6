"""The columns, types and units of every table."""

import pyarrow as pa

STRING, FLOAT, INT, BOOL = pa.string(), pa.float64(), pa.int64(), pa.bool_()

NEURON = {
    "recording": (STRING, "recording (session) that the neuron was seen in"),
    "neuron": (STRING, "id of the neuron, unique within its recording"),
    "animal": (STRING, "id of the animal"),
    "area": (STRING, "cortical area, Allen acronym"),
    "cortical_layer": (STRING, "cortical layer: 2/3, 4, 5, 6, or empty where unknown"),
}
SITE = {
    "area": (STRING, "cortical area, Allen acronym"),
    "cortical_layer": (STRING, "cortical layer of the site, or 'all' for the whole area"),
}
SELECTION = {"selection": (STRING, "selection of neurons and trials; given where the data set gives similarities")}
METHOD = {
    "method": (STRING, "how it was scored: a row of resources/methods.yaml, or of the configuration"),
    **SELECTION,
    "differs": (STRING, "settings that differ from those that the names of method and selection stand for, or empty"),
}
LAYER = {
    **METHOD,
    "model": (STRING, "network with one set of weights"),
    "layer": (STRING, "layer of the network, class name and running number"),
    "path": (STRING, "path of the layer's module in the network, as features.8; empty for the network itself"),
    "layer_index": (INT, "place of the layer in the order of computation, from 1"),
    "layer_depth": (FLOAT, "layer_index / number of layers, 0 to 1"),
    "block": (STRING, "outermost module of the network, containers apart, that the layer lies in"),
    "block_depth": (FLOAT, "place of the block / number of blocks, 0 to 1; comparable between versions of a library"),
    "n_features": (INT, "features of the layer for one image"),
    "effective_dimension": (
        FLOAT,
        "participation ratio of the features over images, from 1 to the number of images; missing where they do not vary",
    ),
}
N_NEURONS = {"n_neurons": (INT, "neurons behind the score; missing where the data set gives similarities only")}
SITE_DIMENSION = {
    "site_dimension": (
        FLOAT,
        "participation ratio of the responses of the site's neurons; missing where the data set gives similarities only",
    )
}
SCORE = {"score": (FLOAT, "in the unit of the method; missing where what it compares does not vary")}

RELIABILITY = NEURON | {
    "depth_um": (FLOAT, "depth of the imaging plane below the pia, micrometres; missing where unknown"),
    "cre_line": (STRING, "transgenic driver line, or empty where unknown"),
    "excitatory": (BOOL, "whether the driver line labels excitatory cells; missing where unknown"),
    "n_trials": (INT, "trials of the stimulus that has fewest"),
    "reliability": (FLOAT, "split-half reliability over stimuli, Spearman-Brown corrected; missing where undefined"),
    "split_half_r": (FLOAT, "the same without the correction: mean r of two halves; missing where undefined"),
    "oracle_r": (FLOAT, "r of a trial with the mean of the others, mean over trials; missing where undefined"),
    "scored_reliability": (FLOAT, "reliability of the trials that are scored; missing where undefined"),
    "scored_r": (FLOAT, "split_half_r of the trials that are scored; missing where undefined"),
    "scored_r_sem": (FLOAT, "standard error of scored_r over splits; missing where undefined or of one split"),
    "p_ns": (FLOAT, "p of an ANOVA over all that was shown; missing where undefined"),
    "p_run_mod_ns": (FLOAT, "p that running changes the response to the preferred scene; missing where it cannot be tested"),
    "metrics": (
        STRING,
        "where p_ns and p_run_mod_ns come from: computed, from the trials that select neurons, or service, as published",
    ),
}
FILTER = {
    "excitatory": (BOOL, "whether cells of inhibitory lines are left out"),
    "running": (BOOL, "whether cells that running modulates are left out"),
    "responsive": (BOOL, "whether cells that do not respond to the scenes are left out"),
    "reliable": (STRING, "of which reliability the limit is: spearman-brown or plain; empty for no limit"),
}
SPLIT_HALF = {
    "split_half_r": (FLOAT, "correlation of two halves of the trials, mean over splits; missing where undefined"),
    "split_half_sem": (FLOAT, "its standard error over splits; missing where undefined, of one split, or a mean over neurons"),
}

TABLES = {
    "recordings": {
        "recording": (STRING, "id of the session, as published"),
        "container": (STRING, "id of the container: the sessions of one imaging plane, whose cells were matched"),
        "animal": (STRING, "id of the animal"),
        "area": (STRING, "cortical area, Allen acronym"),
        "depth_um": (FLOAT, "depth of the imaging plane below the pia, micrometres"),
        "cre_line": (STRING, "transgenic driver line, or empty"),
        "failed": (BOOL, "whether the container failed quality control"),
        "used": (BOOL, "whether the recording is read"),
        "reason": (STRING, "why it is left out, or empty"),
    },
    "cell_metrics": {
        "neuron": (STRING, "id of the cell, the same in all recordings of its container"),
        "p_ns": (FLOAT, "published p of an ANOVA over all that was shown; missing where there is none"),
        "p_run_mod_ns": (FLOAT, "published p that running changes the preferred response; missing where there is none"),
    },
    "reliability": RELIABILITY,
    "neurons": SELECTION
    | RELIABILITY
    | {
        "kept": (BOOL, "whether the neuron enters the populations"),
        "reason": (STRING, "why it was left out, or empty"),
    },
    "selection_counts": SELECTION
    | FILTER
    | {
        "area": (STRING, "cortical area, or 'all'"),
        "cortical_layer": (STRING, "cortical layer of the site, or 'all' for the whole area"),
        "n_neurons": (INT, "neurons that pass this combination of filters; a cell of several recordings counts once"),
        "at_least": (INT, "lowest number that agrees with what is published; missing where nothing is known"),
        "at_most": (INT, "highest number that agrees with what is published; missing where nothing is known"),
        "agrees": (BOOL, "whether the number lies between these; missing where nothing is known"),
    },
    "thresholds": SELECTION
    | SITE
    | {
        "threshold": (FLOAT, "lowest reliability of the neurons"),
        "n_neurons": (INT, "neurons that reach it"),
        "instance": (
            STRING,
            "what is correlated: matrix, the RDMs; image, the population's responses to one image, mean over images",
        ),
    }
    | SPLIT_HALF
    | {
        "split_half_r": (
            FLOAT,
            "correlation of two halves of the trials, mean over splits; missing where in any split an RDM does not vary "
            "(matrix), or all neurons respond alike to any image in a half (image): no image is left out of the mean",
        ),
    },
    "ceilings": SELECTION
    | SITE
    | {
        "recording": (STRING, "recording of the neuron; missing where the row is of a site"),
        "neuron": (STRING, "the neuron; missing where the row is of a site"),
        "differs": (STRING, "settings that differ from those that the name of the selection stands for, or empty"),
        "target": (STRING, "what the ceiling is of: rdm, rdm_zscored (of neurons z-scored over the images) or responses"),
        "estimator": (STRING, "how the ceiling was estimated"),
        "n_neurons": (INT, "neurons behind the row"),
    }
    | SPLIT_HALF
    | {
        "inter_animal": (
            FLOAT,
            "RDMs: r of that of one animal with that of the others; responses: r of left-out ones with their prediction from "
            "the neurons of the others, by ridge regression; missing where the others have too few neurons",
        ),
        "ceiling": (FLOAT, "highest expected correlation of a noise-free prediction with the data"),
    },
    "neuron_scores": LAYER | NEURON | SCORE,
    "scores": LAYER | SITE | N_NEURONS | SITE_DIMENSION | SCORE,
    "best_layers": LAYER
    | SITE
    | N_NEURONS
    | SITE_DIMENSION
    | SCORE
    | {"choice": (STRING, "how the layer was chosen: same_data, the highest score on the data that is reported")},
    "models": {
        "model": (STRING, "network with one set of weights"),
        "display_name": (STRING, "name in figures"),
        "group": (STRING, "group in the configuration"),
        "family": (STRING, "family of architectures, or empty"),
        "architecture": (STRING, "Convolutional, Transformer, MLP-Mixer or None, or empty where not told"),
        "task": (STRING, "what the network was trained to do, or empty"),
        "task_cluster": (STRING, "cluster of tasks (Taskonomy), or empty"),
        "training_data": (STRING, "images that it was trained on, or empty"),
        "imagenet_top1": (FLOAT, "accuracy on ImageNet, percent, as published; missing where none is"),
        "source": (STRING, "library or origin of the network"),
        "name": (STRING, "name within the source"),
        "weights": (STRING, "random, none, the published name of the weights, or their file or address"),
        "weights_key": (
            STRING,
            "place of the weights in their file, keys joined by points; empty if alone, or without a file",
        ),
        "address": (STRING, "where the weights were fetched, or empty"),
        "sha256": (STRING, "published SHA-256 of the file of weights or its first digits, checked when fetched; or empty"),
        "weights_sha256": (STRING, "SHA-256 of all parameters and buffers as loaded"),
        "transform_sha256": (STRING, "SHA-256 of three fixed images as the network sees them"),
        "fingerprint": (STRING, "first five outputs for each of three fixed images, JSON"),
        "trained_share": (
            FLOAT,
            "share of tensors that differ in distribution from a random twin; missing without a file of others",
        ),
        "seed": (INT, "seed of random weights; missing where there are none"),
        "input": (STRING, "preprocessing of the images, JSON"),
        "precision": (STRING, "type of the numbers that the network was run in: float32, float16 or bfloat16"),
        "n_layers": (INT, "layers with distinct output"),
        "n_features": (INT, "features of all layers for one image"),
        "n_parameters": (INT, "trainable parameters"),
        "stimuli_sha256": (STRING, "SHA-256 of the images as shown to the network"),
        "versions": (STRING, "versions of the libraries at extraction, JSON"),
    },
    "nodes": {
        "name": (STRING, "node of MouseNet: area and layer"),
        "area": (STRING, "cortical area, LGNd, or input for the image"),
        "layer": (STRING, "cortical layer, or empty"),
        "level": (INT, "level of the hierarchy; 0 for the LGN, -1 for the image"),
        "n_neurons": (FLOAT, "excitatory neurons; missing for the image"),
        "surface_area_mm2": (FLOAT, "area of cortical surface, mm2; missing for LGN and image"),
        "map_px": (INT, "side of the map, pixels"),
        "channels": (INT, "channels of the map"),
    },
    "connections": {
        "order": (INT, "place in the order in which masks are drawn, from 0"),
        "source": (STRING, "node that sends"),
        "target": (STRING, "node that receives"),
        "kind": (STRING, "input, LGN, laminar (within an area) or interareal"),
        "in_channels": (INT, "channels of the source"),
        "out_channels": (INT, "channels of the target"),
        "in_px": (INT, "side of the source's map, pixels"),
        "out_px": (INT, "side of the target's map, pixels"),
        "width_um": (FLOAT, "sd of the Gaussian, micrometres of cortex; missing where it is set in pixels"),
        "width_px": (FLOAT, "the same in pixels of the source's map"),
        "kernel": (INT, "side of the kernel, pixels"),
        "stride": (INT, "pixels of the source's map for one of the target's"),
        "padding": (STRING, "zeros around the source's map: left, right, top, bottom"),
        "peak": (FLOAT, "probability that neurons at one place are connected; above 1 where the source has too few neurons"),
        "in_degree": (FLOAT, "expected number of source neurons that contact a target neuron, as if there were enough"),
        "density": (FLOAT, "expected share of weights that the mask keeps"),
    },
    "units": {
        "model": (STRING, "network, or empty for recorded neurons"),
        "area": (STRING, "cortical area"),
        "layer": (STRING, "cortical layer, or empty"),
        "unit": (INT, "place in the flattened map of the node, or among the neurons of all areas"),
        "lifetime_sparseness": (
            FLOAT,
            "over scenes: 0 if all evoke the same, 1 if one alone does; missing where none does. A negative response counts "
            "as 0 (mousenet.units.negative: rectify), or makes the value missing (leave_out)",
        ),
        "image_selectivity": (
            FLOAT,
            "1 - 2 (mean - least) / (largest - least response to scenes); missing if these are equal",
        ),
        "signal_correlation": (
            FLOAT,
            "r over scenes with another unit of the node, or neuron of the area and cortical layer; missing without",
        ),
        "orientation_selectivity": (
            FLOAT,
            "1 - circular variance over gratings; missing for neurons, and if silent. Negative responses as in sparseness",
        ),
    },
    "unit_distances": {
        "model": (STRING, "network"),
        "area": (STRING, "area of the network, its layers together"),
        "recorded_area": (STRING, "recorded area that it is compared with"),
        "quantity": (STRING, "column of the table units"),
        "n_units": (INT, "units of the network"),
        "n_neurons": (INT, "recorded neurons"),
        "wasserstein": (FLOAT, "Wasserstein-1 distance of the two distributions, in units of the quantity"),
        "ks": (FLOAT, "Kolmogorov-Smirnov distance of the two distributions"),
    },
    "training": {
        "run": (STRING, "training run, as in the configuration"),
        "epoch": (INT, "times that the network saw all images; 0 before training"),
        "learning_rate": (FLOAT, "of the epoch"),
        "seconds": (FLOAT, "time of training and test"),
        "train_loss": (FLOAT, "cross-entropy, mean over training images while it learned; missing before training"),
        "train_accuracy": (FLOAT, "accuracy on training images while it learned, 0 to 1; missing before training"),
        "test_loss": (FLOAT, "cross-entropy, mean over test images"),
        "test_accuracy": (FLOAT, "accuracy on test images, 0 to 1"),
        "code": (STRING, "hash of the code that trained the epoch"),
    },
    "zoo": {
        "model": (STRING, "network with one set of weights"),
        "checked": (STRING, "model that was built and run in its place: the same network, with random weights"),
        "n_layers": (INT, "layers with distinct output; missing where it failed"),
        "n_features": (INT, "features of all layers for one image; missing where it failed"),
        "n_parameters": (INT, "parameters of the network as built; missing where it failed"),
        "n_fixed": (INT, "tensors of parameters that the library sets without chance; missing where it failed"),
        "forecast_mib": (INT, "forecast of the memory that extraction from 119 images takes, MiB; missing where it failed"),
        "runs": (FLOAT, "runs of each image that this takes, 1 where one pass fits; missing where it failed"),
        "seconds": (FLOAT, "time of the check"),
        "ok": (BOOL, "whether it was built, ran, and is the same again from the same seed"),
        "error": (STRING, "what is wrong, or empty"),
    },
}
