"""The columns of the tables of inference."""

from dormouse.column_groups import BOOL, CHOICE, FLOAT, INT, LAYER, METHOD, SITE, STRING

MODEL, OF_LAYER = {"model": LAYER["model"]}, {name: LAYER[name] for name in ("layer", "path", "layer_index", "layer_depth")}
STATISTIC = {
    "statistic": (
        STRING,
        "mean_over_animals: of the score with each animal's own neurons; pooled: the score with the neurons of all animals",
    ),
    "over": (STRING, "what the interval is for: animals and images, or images alone"),
}
INTERVAL = {
    "sem": (
        FLOAT,
        "standard error over samples of animals and images, or of images alone; missing where it cannot be estimated",
    ),
    "low": (FLOAT, "lower end of the 95 % interval; missing where there is none"),
    "high": (FLOAT, "upper end of the 95 % interval; missing where there is none"),
    "df": (
        FLOAT,
        "degrees of freedom of t: from those of the animals to those of animals and images together, by how much of the "
        "variance is due to each (Cochran & Cox); where images alone are resampled, their number less one",
    ),
}
NULL = {
    "null_mean": (FLOAT, "mean score over permuted orders of the images"),
    "null_sd": (FLOAT, "standard deviation over permuted orders of the images"),
}
ORDERS = {"n_permutations": (INT, "number of permuted orders of the images")}

INFERENCE = {
    "layer_choices": METHOD
    | MODEL
    | OF_LAYER
    | SITE
    | {
        "choice": (
            STRING,
            "the data that chose the layer: other_images, other_trials or other_animals than those on which it is scored",
        ),
        "frequency": (FLOAT, "share of the splits in which the layer was chosen, 0 to 1"),
        "n_splits": (INT, "number of splits of the data: on one part a layer is chosen, on the other it has a score"),
        "score": (FLOAT, "score of the chosen layers on the data on which they were not chosen, mean over splits"),
        "corrected": (FLOAT, "the same corrected for noise; missing as in the table scores, and for trials and animals"),
        "same_data": (
            FLOAT,
            "score of the best layer where it was chosen: on all images, on each half of the trials, as mean over animals",
        ),
        "optimism": (FLOAT, "same_data - score: how much the choice on the same data flatters"),
        "selection_loss": (
            FLOAT,
            "score - what the layer that is best on all data scores on the same parts: what choosing on less data costs, "
            "negative where it does; missing where that layer has no score on a part",
        ),
    },
    "animal_scores": METHOD
    | MODEL
    | OF_LAYER
    | SITE
    | {
        "animal": (STRING, "id of the animal"),
        "n_neurons": (INT, "number of its neurons"),
        "score": (FLOAT, "score with its neurons alone, by the layer that represents the model at the site"),
    }
    | CHOICE,
    "intervals": METHOD
    | MODEL
    | SITE
    | STATISTIC
    | {"estimate": (FLOAT, "score of the model")}
    | INTERVAL
    | {
        "n_animals": (INT, "number of animals with a score of their own; missing where none has, as in similarities"),
        "n_images": (INT, "number of images"),
        "rank": (INT, "rank among the models, 1 is best"),
        "rank_low": (INT, "lower end of the 95 % interval of the rank; missing where resamples have no score"),
        "rank_high": (INT, "upper end of the 95 % interval of the rank; missing where resamples have no score"),
        "layer": LAYER["layer"],
    }
    | CHOICE,
    "differences": METHOD
    | MODEL
    | SITE
    | {"other": (STRING, "the model that is compared with it")}
    | STATISTIC
    | {"difference": (FLOAT, "score of the model - score of the other")}
    | INTERVAL
    | {
        "p": (FLOAT, "p value of no difference, two-sided; missing where there is no standard error"),
        "q": (FLOAT, "p adjusted for all pairs of models at the site (Benjamini & Hochberg 1995); missing where p is"),
    },
    "permutation_tests": METHOD
    | MODEL
    | SITE
    | {
        "n_neurons": (INT, "number of neurons that were tested; missing for methods that read RDMs"),
        "score": (FLOAT, "score of the best layer with these neurons; missing where it could not be computed"),
    }
    | {name: (kind, f"{text}; missing where there is no score") for name, (kind, text) in NULL.items()}
    | {
        "p": (FLOAT, "share of orders in which the best layer scores at least as high; missing where there is no score"),
        "q": (FLOAT, "p adjusted for the models and sites of the method (Benjamini & Hochberg 1995); missing where p is"),
    }
    | ORDERS,
    "seed_spread": METHOD
    | SITE
    | {
        "network": (STRING, "source and name of a network with random weights"),
        "n_seeds": (INT, "number of its seeds"),
        "mean": (FLOAT, "mean score over seeds, with the neurons of all animals"),
        "sd": (FLOAT, "standard deviation over seeds"),
        "lowest": (FLOAT, "lowest score of a seed"),
        "highest": (FLOAT, "highest score of a seed"),
    },
    "comparisons": {
        "contrast": (STRING, "name of the question: a row of resources/contrasts.yaml, or of the configuration"),
        "question": (STRING, "what is asked"),
        "kind": (STRING, "pairs, groups, agreement or covariates"),
    }
    | METHOD
    | {
        "area": (STRING, "cortical area, or 'all' for the mean over areas, or where the answer is the same everywhere"),
        "cortical_layer": SITE["cortical_layer"],
        "first": (STRING, "what is compared: networks or a method in words, or the column of a covariate"),
        "second": (STRING, "with what, or empty"),
        "statistic": (STRING, f"{STATISTIC['statistic'][1]}; empty without an answer"),
        "over": (STRING, "what the interval is for: networks, animals and images, or some of these; empty without an answer"),
        "estimate": (
            FLOAT,
            "difference of scores, first - second; of a covariate, change of the score per standard deviation over units; of "
            "agreement, Spearman's rho over units; missing without an answer",
        ),
        "sem": (FLOAT, "standard error over what the interval is for; missing for rho"),
        "low": (FLOAT, "lower end of the 95 % interval; missing without an answer, and where rho is 1 or -1"),
        "high": (FLOAT, "upper end of the 95 % interval; missing without an answer, and where rho is 1 or -1"),
        "df": (
            FLOAT,
            "degrees of freedom of t: of units, animals and images, by the variance that is due to each; missing for rho",
        ),
        "sem_data": (FLOAT, "standard error over samples of animals and images, with these networks; missing for rho"),
        "sem_networks": (FLOAT, "standard error over units of networks, with these animals and images; missing for rho"),
        "df_networks": (FLOAT, "its degrees of freedom; missing for rho"),
        "p_networks": (FLOAT, "p value of the test over units alone, with these animals and images; missing for rho"),
        "test": (STRING, "test over units"),
        "effect": (STRING, "what effect_size is"),
        "effect_size": (FLOAT, "size of the effect over networks; missing without an answer"),
        "p": (FLOAT, "p value of no difference, two-sided, over what the interval is for; missing without an answer"),
        "q": (FLOAT, "p adjusted as `correction` says; missing without an answer"),
        "correction": (STRING, "how p is adjusted for many tests"),
        "detectable": (
            FLOAT,
            "smallest difference that is found with 80 % power (p below .05), with this standard error; missing for rho",
        ),
        "unit": (STRING, "what is drawn at random of all networks: family (of architectures), network (one of them) or model"),
        "n_units": (INT, "number of units, of the smaller group where two are compared; missing where a method is not run"),
        "n_pairs": (INT, "number of pairs; missing where nothing is paired"),
        "n_models": (INT, "number of models behind the answer; missing where a method is not run"),
        "n_animals": (INT, "number of animals, in the area with the fewest; missing for rho, and for similarities"),
        "n_images": (INT, "number of images; missing for rho"),
        "verdict": (
            STRING,
            "positive or negative: the estimate is above or below 0 with q below .05; undecided: it is neither; too few "
            "networks: fewer than five units; not run: a method that the question names is not run",
        ),
        "sentence": (STRING, "what may be said"),
    },
    "agreement": {
        "varies": (STRING, "between what the order of networks is compared: methods, areas, or animals (two halves of them)"),
        "method": METHOD["method"],
        "other_method": (STRING, "the other method, or the same"),
        "area": (STRING, "cortical area, Allen acronym, or 'all' for the mean over areas"),
        "cortical_layer": SITE["cortical_layer"],
        "other_area": (STRING, "the other area, or the same"),
        "other_cortical_layer": (STRING, "the other cortical layer, or the same"),
        "rho": (FLOAT, "Spearman's rho of the scores of networks, seeds averaged; of animals, mean over random halves"),
        "low": (FLOAT, "lower end of the 95 % interval over networks; missing for animals, and where rho is 1 or -1"),
        "high": (FLOAT, "upper end of the 95 % interval over networks; missing for animals, and where rho is 1 or -1"),
        "n_networks": (INT, "number of networks, without baselines"),
        "n_animals": (INT, "number of animals that were halved; missing for methods and areas"),
    },
    "specificity": METHOD
    | {
        "area": (STRING, "cortical area, Allen acronym"),
        "same": (
            FLOAT,
            "score of an animal's neurons, in the place of a layer, in the same area of other animals; mean",
        ),
        "other": (
            FLOAT,
            "score between the area and other areas of other animals: geometric mean of both ways, mean over areas",
        ),
        "specificity": (
            FLOAT,
            "geometric mean of what an area and another score in themselves, less that of each in the other; mean over others",
        ),
        "low": (FLOAT, "lower end of its 95 % interval over animals; missing with fewer than three"),
        "high": (FLOAT, "upper end of its 95 % interval over animals; missing with fewer than three"),
        "p": (FLOAT, "p value of no specificity, two-sided; missing with fewer than three animals"),
        "n_animals": (INT, "number of animals with neurons in the area"),
    },
    "recovery": METHOD
    | SITE
    | {
        "simulation": (INT, "number of the simulation, from 0"),
        "share": (FLOAT, "share of the variance of each neuron's signal that the layer explains"),
        "model": (STRING, "network from which the neurons were simulated"),
        "layer": (STRING, "layer from which they were simulated"),
    }
    | {name: OF_LAYER[name] for name in ("path", "layer_index", "layer_depth")}
    | {
        "recovered": (STRING, "network that scores highest with these neurons; missing where none has a score"),
        "recovered_layer": (STRING, "its layer, chosen as the row of the method says; missing where none has a score"),
        "recovered_index": (INT, "layer_index of this layer; missing where none has a score"),
        "recovered_depth": (FLOAT, "layer_depth of this layer; missing where none has a score"),
        "score": (FLOAT, "score of the true network; missing where it has none"),
        "best_score": (FLOAT, "score of the recovered network; missing where none has a score"),
        "n_models": (INT, "number of networks that were scored; chance is 1 of these"),
    },
    "discriminability": METHOD
    | SITE
    | {
        "share": (FLOAT, "share of the variance of each neuron's signal that the layer explains"),
        "d_prime": (
            FLOAT,
            "mean score of networks of the family from which neurons were simulated - mean score of other families, over the "
            "root of their mean variance; the network itself does not count; missing where no family has two networks, where "
            "there is one family, and where scores do not vary",
        ),
        "auc": (
            FLOAT,
            "how often a network of the family scores above one of another, 0 to 1, .5 is chance; missing where no family has "
            "two networks, and where there is one family",
        ),
        "within": (FLOAT, "mean score of networks of the family; missing where no family has two networks"),
        "between": (FLOAT, "mean score of networks of other families; missing where there is one family"),
        "n_within": (INT, "number of scores of networks of the family"),
        "n_between": (INT, "number of scores of networks of other families"),
        "n_families": (INT, "number of families"),
    },
    "power": METHOD
    | SITE
    | STATISTIC
    | {
        "n_animals": (INT, "number of animals of a study; missing where the statistic is not over animals"),
        "n_images": (INT, "number of images of the study"),
        "own": (BOOL, "whether these are the numbers of the data"),
        "smallest": (
            FLOAT,
            "smallest difference of two models that 80 % of such studies would find (t test, 5 %, two-sided), median over "
            "pairs of models; missing where no standard error can be estimated",
        ),
        "lowest": (FLOAT, "the same of the pair where it is smallest; missing where `smallest` is"),
        "highest": (FLOAT, "the same of the pair where it is largest; missing where `smallest` is"),
        "n_pairs": (INT, "number of pairs of models"),
    },
    "learning_curves": METHOD
    | MODEL
    | OF_LAYER
    | SITE
    | {
        "axis": (STRING, "what the parts are of: images, neurons or trials"),
        "n": (INT, "number of images, neurons, or trials (the first ones); the largest is all there are"),
        "equal": (BOOL, "whether n is the number of neurons of the area with the fewest, at which areas can be compared"),
        "mean": (FLOAT, "score of the layer, which is that of best_layers, mean over draws; missing where it has none"),
        "sd": (FLOAT, "standard deviation over draws; missing with a single draw"),
        "n_draws": (INT, "number of random draws; 1 where there is nothing to draw"),
    },
    "null_check": MODEL
    | SITE
    | {
        "method": METHOD["method"],
        "score": (FLOAT, "score of features that know nothing of the images; missing where it could not be computed"),
    }
    | {name: (kind, f"{text}; missing where there is no score") for name, (kind, text) in NULL.items()}
    | {
        "z": (
            FLOAT,
            "(score - mean) / standard deviation, over all orders and the observed one; missing where there is no score, or "
            "the same one in all orders",
        ),
        "largest_z": (FLOAT, "largest |z| of all rows, the statistic of the check; missing where no row has a z"),
        "p": (FLOAT, "share of permuted orders in which the largest |z| is at least as large; missing where largest_z is"),
        "passed": (BOOL, "whether the run passed its check of itself: p above .001; false where nothing could be checked"),
    }
    | ORDERS,
}
