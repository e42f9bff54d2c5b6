"""Figures and report of a run from its tables alone, without its data:

snakemake -s workflow/paper.smk --cores 2 --config results=results/demo
"""

from snakemake.utils import min_version

min_version("9.27")


include: "rules/package.smk"


from dormouse.paper.exporting import export_files
from dormouse.paper.facts import tables_of
from dormouse.paper.listing import figure_code, list_figures
from dormouse.targets import READ, list_targets

RESULTS = config.get("results", "results/allen")
with in_one_line():
    OF_RUN, METHODS, AREAS, MODELS, VARIANTS = tables_of(RESULTS)
RDM_FILES, RDM_IMAGES = [], []


include: "rules/paper.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
