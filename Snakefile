"""Which deep networks see like a mouse? From recordings to figures.

Recordings are read to trials, reliable neurons are pooled by area, every network runs once over the same images, and each of
its layers is scored against each area, by representational similarity and by ridge regression.
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/stimuli.smk"
include: "workflow/rules/recordings.smk"
include: "workflow/rules/mousenet.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/neurons.smk"
include: "workflow/rules/methods.smk"
include: "workflow/rules/inference.smk"
include: "workflow/rules/paper.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        expand("{figure}.{ending}", figure=[file for _, file, _, _ in FIGURES], ending=["pdf", "png"]),
