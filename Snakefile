"""Which deep networks see like a mouse? From recordings to figures.

Recordings are read to trials, reliable neurons are pooled by area, every network runs once over the same images, and each of
its layers is scored against each area, by representational similarity and by ridge regression.
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/recordings.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/mousenet.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/connectome.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/zoo.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        FIGURES,
