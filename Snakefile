"""The door to workflow/Snakefile, for `snakemake` in this folder."""


include: "workflow/Snakefile"


# an included file cannot choose the default target
workflow.default_target = "all"
