"""The columns, types and units of every table."""

from dormouse.column_groups import (
    BOOL,
    CHOICE,
    CORRECTED,
    FILTER,
    FLOAT,
    INT,
    LAYER,
    N_NEURONS,
    NEURON,
    RELIABILITY,
    SCORE,
    SELECTION,
    SITE,
    SITE_DIMENSION,
    SPLIT_HALF,
    STRING,
)
from dormouse.inference_columns import INFERENCE
from dormouse.paper_columns import PAPER

TABLES = {
    "recordings": {
        "recording": (STRING, "id of the session, as published"),
        "container": (STRING, "id of the container: sessions of one imaging plane, with their cells matched"),
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
        "p_ns": (FLOAT, "published p value of an ANOVA over all stimuli, the blank included; missing where there is none"),
        "p_run_mod_ns": (
            FLOAT,
            "published p value of a test for an effect of running on the preferred response; missing where there is none",
        ),
    },
    "stimuli": {
        "stimulus": (STRING, "name of the image"),
        "number": (INT, "its place in the order of the images, from 1"),
        "property": (STRING, "what is said of it, a column of stimuli.csv; missing if nothing is"),
        "value": (STRING, "the cell in this column; missing if nothing is said of the image"),
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
        "at_least": (INT, "lowest number that agrees with the published one; missing where none is known"),
        "at_most": (INT, "highest number that agrees with the published one; missing where none is known"),
        "agrees": (BOOL, "whether n_neurons lies between at_least and at_most; missing where neither is known"),
    },
    "thresholds": SELECTION
    | SITE
    | {
        "threshold": (FLOAT, "reliability threshold: less reliable neurons are left out"),
        "n_neurons": (INT, "number of neurons that reach the threshold"),
        "instance": (
            STRING,
            "what is correlated: matrix (the RDMs) or image (the population's responses to one image, mean over images)",
        ),
    }
    | SPLIT_HALF
    | {
        "split_half_r": (
            FLOAT,
            "correlation of two halves of the trials, mean over splits; missing if in any split an RDM does not vary "
            "(matrix), or all neurons respond alike to an image in one half (image): no image is left out of the mean",
        ),
    },
    "ceilings": SELECTION
    | SITE
    | {
        "recording": (STRING, "recording of the neuron; missing in the rows of sites"),
        "neuron": (STRING, "id of the neuron; missing in the rows of sites"),
        "differs": (STRING, "settings of the run that differ from the defaults of the selection, or empty"),
        "target": (STRING, "what the ceiling limits: rdm, rdm_zscored (RDM of neurons z-scored over the images) or responses"),
        "estimator": (STRING, "how the ceiling was estimated"),
        "n_neurons": (INT, "number of neurons behind the row"),
    }
    | SPLIT_HALF
    | {
        "inter_animal": (
            FLOAT,
            "RDMs: r of one animal's RDM with that of all other animals; responses: r of left-out responses with their ridge "
            "prediction from the neurons of other animals; missing where the other animals have too few neurons",
        ),
        "ceiling": (
            FLOAT,
            "highest correlation with the data that is expected of a noise-free prediction; missing where trials are too few",
        ),
    },
    "neuron_scores": LAYER | NEURON | SCORE,
    "scores": LAYER | SITE | N_NEURONS | SITE_DIMENSION | SCORE | CORRECTED,
    "best_layers": LAYER | SITE | N_NEURONS | SITE_DIMENSION | SCORE | CORRECTED | CHOICE,
    "models": {
        "model": (STRING, "network with one set of weights"),
        "display_name": (STRING, "name in figures"),
        "group": (STRING, "group in the configuration"),
        "family": (STRING, "family of architectures, or empty"),
        "architecture": (STRING, "Convolutional, Transformer, MLP-Mixer or None, or empty where not stated"),
        "task": (STRING, "what the network was trained to do, or empty"),
        "task_cluster": (STRING, "cluster of tasks (Taskonomy), or empty"),
        "training_data": (STRING, "images that it was trained on, or empty"),
        "imagenet_top1": (FLOAT, "published accuracy on ImageNet, percent; missing where none is published"),
        "source": (STRING, "library or origin of the network"),
        "name": (STRING, "name within the source"),
        "stimulus_set": (
            STRING,
            "the images that it saw: original, or a set of the configuration (stimuli.sets), such as blurred",
        ),
        "weights": (STRING, "random, none, the published name of the weights, or their file or address"),
        "weights_key": (
            STRING,
            "place of the weights in their file, keys joined by dots; empty if the file holds nothing else, or without a file",
        ),
        "address": (STRING, "address from which the weights were fetched, or empty"),
        "sha256": (STRING, "published SHA-256 of the weights file, or its first digits, checked on download; or empty"),
        "weights_sha256": (STRING, "SHA-256 of all parameters and buffers as loaded"),
        "transform_sha256": (STRING, "SHA-256 of three fixed images as the network sees them"),
        "fingerprint": (STRING, "first five outputs for each of three fixed images, JSON"),
        "trained_share": (
            FLOAT,
            "fraction of tensors whose distribution differs from that in a random twin; missing where there was no twin",
        ),
        "seed": (INT, "seed of random weights; missing where there are none"),
        "input": (STRING, "preprocessing of the images, JSON"),
        "precision": (STRING, "number type in which the network was run: float32, float16 or bfloat16"),
        "n_layers": (INT, "number of layers with distinct output"),
        "n_features": (INT, "number of features of all layers for one image"),
        "n_parameters": (INT, "number of trainable parameters"),
        "stimuli_sha256": (STRING, "SHA-256 of the images as shown to the network"),
        "versions": (STRING, "versions of the libraries at extraction, JSON"),
    },
    "nodes": {
        "variant": (STRING, "variant of MouseNet: an entry of mousenet.variants"),
        "name": (STRING, "node of MouseNet: area and layer"),
        "area": (STRING, "cortical area, LGNd, or input for the image"),
        "layer": (STRING, "cortical layer, or empty"),
        "level": (INT, "level of the hierarchy; 0 for the LGN, -1 for the image"),
        "n_neurons": (FLOAT, "number of excitatory neurons; missing for the image"),
        "surface_area_mm2": (FLOAT, "area of cortical surface, mm2; missing for LGN and image"),
        "map_px": (INT, "side of the feature map, pixels"),
        "channels": (INT, "number of channels of the feature map"),
    },
    "connections": {
        "variant": (STRING, "variant of MouseNet: an entry of mousenet.variants"),
        "order": (INT, "position in the order in which masks are drawn, starting at 0"),
        "source": (STRING, "node that sends"),
        "target": (STRING, "node that receives"),
        "kind": (STRING, "input, LGN, laminar (within an area) or interareal"),
        "in_channels": (INT, "number of channels of the source"),
        "out_channels": (INT, "number of channels of the target"),
        "in_px": (INT, "side of the source's map, pixels"),
        "out_px": (INT, "side of the target's map, pixels"),
        "width_um": (FLOAT, "sd of the Gaussian, micrometres of cortex; missing where it is set in pixels"),
        "width_px": (FLOAT, "the same in pixels of the source's map"),
        "kernel": (INT, "side of the convolution kernel, pixels"),
        "stride": (INT, "pixels of the source's map per pixel of the target's"),
        "padding": (STRING, "zeros around the source's map: left, right, top, bottom"),
        "peak": (FLOAT, "probability that neurons at one place are connected; above 1 where the source has too few neurons"),
        "in_degree": (FLOAT, "expected number of source neurons that contact a target neuron, as if there were enough"),
        "density": (FLOAT, "expected fraction of weights that the mask keeps"),
    },
    "units": {
        "model": (STRING, "network, or empty for recorded neurons"),
        "area": (STRING, "cortical area"),
        "layer": (STRING, "cortical layer, or empty"),
        "unit": (INT, "index in the flattened feature map of the node, or among the neurons of all areas"),
        "lifetime_sparseness": (
            FLOAT,
            "over scenes: 0 if all evoke the same response, 1 if only one evokes any; missing if none does. Negative "
            "responses count as 0 (mousenet.units.negative: rectify), or make the value missing (leave_out)",
        ),
        "image_selectivity": (
            FLOAT,
            "1 - 2 (mean - min) / (max - min) of the responses to scenes; missing if min and max are equal",
        ),
        "signal_correlation": (
            FLOAT,
            "r over scenes with another unit of the node, or another neuron of the area and layer; missing if there is none",
        ),
        "orientation_selectivity": (
            FLOAT,
            "1 - circular variance over gratings; missing for neurons and silent units. Negative responses as in sparseness",
        ),
    },
    "unit_distances": {
        "model": (STRING, "network"),
        "area": (STRING, "area of the network, its layers pooled"),
        "recorded_area": (STRING, "recorded area that it is compared with"),
        "quantity": (STRING, "column of the table units"),
        "n_units": (INT, "number of units of the network"),
        "n_neurons": (INT, "number of recorded neurons"),
        "wasserstein": (FLOAT, "Wasserstein-1 distance between the two distributions, in units of the quantity"),
        "ks": (FLOAT, "Kolmogorov-Smirnov distance between the two distributions"),
    },
    "training": {
        "run": (STRING, "training run, as in the configuration"),
        "epoch": (INT, "number of passes over all training images; 0 before training"),
        "learning_rate": (FLOAT, "learning rate of the epoch"),
        "seconds": (FLOAT, "duration of training and testing"),
        "train_loss": (FLOAT, "cross-entropy while learning, mean over training images; missing before training"),
        "train_accuracy": (FLOAT, "accuracy on training images while learning, 0 to 1; missing before training"),
        "test_loss": (FLOAT, "cross-entropy, mean over test images"),
        "test_accuracy": (FLOAT, "accuracy on test images, 0 to 1"),
        "code": (STRING, "hash of the code that trained the epoch"),
    },
    "zoo": {
        "model": (STRING, "network with one set of weights"),
        "checked": (STRING, "model that was built and run in its place: the same network, with random weights"),
        "n_layers": (INT, "number of layers with distinct output; missing if the check failed"),
        "n_features": (INT, "number of features of all layers for one image; missing if the check failed"),
        "n_parameters": (INT, "number of parameters of the network as built; missing if the check failed"),
        "n_fixed": (INT, "number of parameter tensors that are not initialised at random; missing if the check failed"),
        "forecast_mib": (INT, "forecast memory of extraction from 119 images, MiB; missing if the check failed"),
        "runs": (FLOAT, "forward passes per image, 1 where a single pass fits into memory; missing if the check failed"),
        "seconds": (FLOAT, "duration of the check"),
        "ok": (BOOL, "whether it was built, ran, and comes out the same again from the same seed"),
        "error": (STRING, "what is wrong, or empty"),
    },
    **INFERENCE,
    **PAPER,
}
