"""The columns of the tables that figures, exports and report read beside the numbers: what a run is, and what it took."""

from dormouse.column_groups import BOOL, FLOAT, INT, METHOD, SELECTION, SITE, STRING

PAPER = {
    "run": {
        "key": (STRING, "what is said of the run"),
        "value": (STRING, "the value; lists of names are joined by commas"),
    },
    "methods": {
        "method": METHOD["method"],
        "family": (STRING, "what computes it: a file of src/dormouse/methods, or the function of a user"),
        "label": (STRING, "name in figures and the report"),
        "axis": (STRING, "what a figure says of its score"),
        "description": (STRING, "what the score is, in words"),
        "presets": (STRING, "presets of resources/methods.yaml that hold it, joined by commas, or empty"),
        "kernels": (STRING, "what it reads of each layer, joined by commas"),
        "target": (STRING, "what it reads of a site: rdm, rdm_zscored or responses"),
        **SELECTION,
        "images": (STRING, "all, scenes (without the blank), or some, which a column of the images' table chose"),
        "choice": (STRING, "on what layers are chosen: same_data, which is reported, or other_images"),
        "settings": (STRING, "settings of the family, JSON"),
        "null_score": (FLOAT, "expected score of features that know nothing of the images; missing where it is not known"),
        "shown": (BOOL, "whether figures that set methods side by side show it (figures.methods)"),
    },
    "jobs": {
        "job": (STRING, "rule and wildcards"),
        "started": (STRING, "time of its start (UTC)"),
        "seconds": (FLOAT, "from its start to its end"),
        "cpu_share": (FLOAT, "CPU time over the time of the cores that it had"),
        "peak_mib": (FLOAT, "peak memory, MiB"),
        "asked_mb": (FLOAT, "memory that it asked for, MB; missing where it asked for none"),
        "machine": (STRING, "name of the machine"),
    },
    "site_similarity": SELECTION
    | SITE
    | {
        "other_area": (STRING, "area of the other site"),
        "other_cortical_layer": (STRING, "its cortical layer, or 'all' for a whole area, which is compared with such"),
        "r": (FLOAT, "Pearson's r of the upper triangles of both RDMs; missing where one does not vary"),
        "n_neurons": (INT, "number of neurons of the site; missing where the data set gives similarities only"),
        "other_n_neurons": (INT, "number of neurons of the other site; missing likewise"),
    },
    "replication": {
        "target": (STRING, "H1 to H9, which a run that does as the paper did must meet; S1 to S9, from memory of the paper"),
        "kind": (STRING, "hard or soft"),
        "statement": (STRING, "what the number is of"),
        "expected": (STRING, "the number, or where it should lie, in words"),
        "found": (STRING, "what this run has, in words, or empty"),
        "value": (FLOAT, "the number of this run; missing where the target is not run"),
        "low": (FLOAT, "lowest value that agrees; missing where there is none"),
        "high": (FLOAT, "highest value that agrees; missing where there is none"),
        "verdict": (STRING, "agrees, differs or not run"),
        "because": (
            STRING,
            "what it takes, where it is not run; else what sets the run apart from that of the paper, or empty",
        ),
        "source": (STRING, "where the number comes from"),
    },
}
