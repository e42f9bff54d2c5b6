"""Tables of a whole run: parts of one table are stacked, and what the run is and what its jobs took become tables, too."""

# tables that are made in parts, and the files of these parts
PARTS = {
    "neurons": "neurons/{selection}.parquet",
    "selection_counts": "selection_counts/{selection}.parquet",
    "ceilings": "ceilings/{selection}/{area}.parquet",
    "thresholds": "thresholds/{first}/{area}.parquet",
    "scores": "scores/{family}.parquet",
    "best_layers": "best_layers/{family}.parquet",
    "layer_choices": "layer_choices/{family}.parquet",
    **{table: f"{table}/{{family}}.parquet" for table in [*COMPARISONS, *SPECIFICITY, *JUDGEMENTS]},
}
SHARED_PARTS = {
    "nodes": "results/mousenet/{variant}/nodes.parquet",
    "connections": "results/mousenet/{variant}/connections.parquet",
    "training": f"{TRAINED}/{{run}}.parquet",
}
VARIANTS = sorted({MODELS[model]["name"] for model in OF_MOUSENET})
# the tables of this run
OF_RUN = ["run", "methods", "models", "stimuli", "scores", "best_layers", "layer_choices", *COMPARISONS, *ANSWERS]
OF_RUN += [*JUDGEMENTS, *SPECIFICITY, "null_check", "site_similarity", *["published_rdms"] * bool(PUBLISHED)]
OF_RUN += ["neurons", "selection_counts", "ceilings", "thresholds"] * HAS_NEURONS
OF_RUN += ["nodes", "connections"] * bool(VARIANTS) + ["units", "unit_distances"] * bool(DISTANCES) + ["training"] * bool(RUNS)
RDM_FILES = expand(f"{RESULTS}/rdms/{{selection}}/{{area}}.npz", selection=SELECTIONS or [GIVEN], area=DATASET.areas)
RDM_IMAGES = [STIMULI]
AREAS = DATASET.areas
with in_one_line():
    SHOWN = set_side_by_side(METHODS, config["figures"]["methods"])


rule gather_tables:
    input:
        lambda wildcards: parts_of(wildcards.table),
    output:
        f"{RESULTS}/tables/{{table}}.parquet",
    log:
        f"{RESULTS}/logs/gather_tables/{{table}}.log",
    wildcard_constraints:
        table="|".join([*PARTS, *SHARED_PARTS]),
    conda:
        "../../envs/analysis.yaml"
    params:
        parts=lambda wildcards: parts_of(wildcards.table),
        code=code("gather_tables"),
    script:
        "../scripts/gather_tables.py"


rule describe_run:
    output:
        run=f"{RESULTS}/tables/run.parquet",
        methods=f"{RESULTS}/tables/methods.parquet",
    log:
        f"{RESULTS}/logs/describe_run.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        dataset={
            "name": DATASET.name,
            "title": TITLE,
            "kind": DATASET.kind,
            "description": DATASET.description,
            "citation": DATASET.citation or "",
            "simulated": "yes" if DATASET.name == "demo" else "",
            "areas": DATASET.areas,
            "left_out": told(LEFT_OUT),
        },
        settings=config,
        methods=METHODS,
        presets=METHOD_TABLE["presets"],
        shown=SHOWN,
        code=code("describe_run"),
    script:
        "../scripts/describe_run.py"


rule list_jobs:
    # after all others whose cost matters
    input:
        expand(f"{RESULTS}/tables/{{table}}.parquet", table=OF_RUN),
    output:
        f"{RESULTS}/tables/jobs.parquet",
    log:
        f"{RESULTS}/logs/list_jobs.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("list_jobs"),
    script:
        "../scripts/list_jobs.py"
