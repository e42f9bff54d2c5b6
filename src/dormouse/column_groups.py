"""Columns that several tables have: their types, and what they hold."""

import pyarrow as pa

STRING, FLOAT, INT, BOOL = pa.string(), pa.float64(), pa.int64(), pa.bool_()

NEURON = {
    "recording": (STRING, "recording (session) of the neuron"),
    "neuron": (STRING, "id of the neuron, unique within its recording"),
    "animal": (STRING, "id of the animal"),
    "area": (STRING, "cortical area, Allen acronym"),
    "cortical_layer": (STRING, "cortical layer: 2/3, 4, 5, 6, or empty where unknown"),
}
SITE = {
    "area": (STRING, "cortical area, Allen acronym"),
    "cortical_layer": (STRING, "cortical layer of the site, or 'all' for the whole area"),
}
SELECTION = {"selection": (STRING, "name of the selection of neurons and trials; 'given' if the data set gives similarities")}
METHOD = {
    "method": (STRING, "method of the score: a row of resources/methods.yaml, or of the configuration"),
    **SELECTION,
    "differs": (STRING, "settings of the run that differ from the defaults of the method and the selection, or empty"),
}
LAYER = {
    **METHOD,
    "model": (STRING, "network with one set of weights"),
    "layer": (STRING, "layer of the network: class name and running number"),
    "path": (STRING, "path of the layer's module in the network, such as features.8; empty for the network itself"),
    "layer_index": (INT, "position of the layer in the order of computation, starting at 1"),
    "layer_depth": (FLOAT, "layer_index / number of layers, 0 to 1"),
    "block": (STRING, "outermost module that holds the layer, not counting mere containers"),
    "block_depth": (FLOAT, "position of the block / number of blocks, 0 to 1; comparable between versions of a library"),
    "n_features": (INT, "number of features of the layer for one image"),
    "effective_dimension": (
        FLOAT,
        "participation ratio of the features over images, from 1 to the number of images; missing where they do not vary",
    ),
}
N_NEURONS = {"n_neurons": (INT, "number of neurons behind the score; missing where the data set gives similarities only")}
SITE_DIMENSION = {
    "site_dimension": (
        FLOAT,
        "participation ratio of the responses of the site's neurons; missing where the data set gives similarities only",
    )
}
CHOICE = {
    "choice": (STRING, "on what the layer was chosen: same_data, which is reported, or other_images, which have no part in it")
}
CORRECTED = {
    "corrected": (
        FLOAT,
        "score corrected for noise in the recordings; missing where no ceiling is known or high enough",
    ),
    "n_uncorrected": (INT, "number of neurons of the score that have no part in the correction; missing for RDMs"),
    "corrected_by": (STRING, "how it was corrected, or empty"),
}
SCORE = {"score": (FLOAT, "score in the unit of the method; missing where the features or the neural data do not vary")}

RELIABILITY = NEURON | {
    "select_on": (STRING, "trials by which neurons are selected: all, odd or even"),
    "score_on": (STRING, "trials on which neurons are scored: all, odd, even, running or still"),
    "depth_um": (FLOAT, "depth of the imaging plane below the pia, micrometres; missing where unknown"),
    "cre_line": (STRING, "transgenic driver line, or empty where unknown"),
    "excitatory": (BOOL, "whether the driver line labels excitatory cells; missing where unknown"),
    "n_trials": (
        INT,
        "trials of the stimulus with the fewest, of those shown more than once if these are three or more; 0 if any has none",
    ),
    "reliability": (
        FLOAT,
        "split-half reliability over stimuli shown more than once, Spearman-Brown corrected; missing where undefined",
    ),
    "split_half_r": (FLOAT, "the same without the correction: r of two halves, mean over splits; missing where undefined"),
    "oracle_r": (FLOAT, "r of a trial with the mean of the other trials, mean over trials; missing where undefined"),
    "scored_reliability": (
        FLOAT,
        "reliability of the mean over the trials that are scored, lowered for stimuli shown once; missing where undefined",
    ),
    "scored_r": (FLOAT, "split_half_r over the trials that are scored; missing where undefined"),
    "scored_r_sem": (FLOAT, "standard error of scored_r over splits; missing where undefined or with a single split"),
    "p_ns": (FLOAT, "p value of an ANOVA over all stimuli, the blank included; missing where undefined"),
    "p_run_mod_ns": (
        FLOAT,
        "p value of a test for an effect of running on the response to the preferred scene; missing where it cannot be tested",
    ),
    "metrics": (
        STRING,
        "source of p_ns and p_run_mod_ns: computed (from the trials that select neurons) or service (as published)",
    ),
}
FILTER = {
    "excitatory": (BOOL, "whether cells of inhibitory lines are left out"),
    "running": (BOOL, "whether cells whose response changes with running are left out"),
    "responsive": (BOOL, "whether cells that do not respond to the scenes are left out"),
    "reliable": (STRING, "reliability that must reach the threshold: spearman-brown or plain; empty for no threshold"),
}
SPLIT_HALF = {
    "split_half_r": (FLOAT, "correlation of two halves of the trials, mean over splits; missing where undefined"),
    "split_half_sem": (FLOAT, "standard error over splits; missing where undefined, with one split, or for means of neurons"),
}
