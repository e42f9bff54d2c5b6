"""Tables of a whole run, figures, and the report."""

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
OF_PRESET = preset_methods(METHOD_TABLE, "mousenet", METHODS)  # methods that figures of MouseNet show
# Every figure of a run: the section of the report that shows it, its file without ending, its caption, and its method if any.
FIGURES = [("scores", f"{RESULTS}/figures/scores_{method}", "scores", method) for method in METHODS]
FIGURES += [("neurons", f"{RESULTS}/figures/thresholds_{selection}", "thresholds", None) for selection in SELECTIONS[:1]]
if OF_MOUSENET:
    FIGURES += [("mousenet", f"{RESULTS}/figures/nodes_{method}", "nodes", method) for method in OF_PRESET]
if DISTANCES:
    FIGURES += [("mousenet", f"{RESULTS}/figures/units", "units", None)]
for variant in sorted({MODELS[model]["name"] for model in OF_MOUSENET}):
    FIGURES += [("mousenet", f"results/mousenet/{variant}/network", "network", None)]
if RUNS:
    FIGURES += [("mousenet", f"{RESULTS}/figures/trajectory_{method}", "trajectory", method) for method in OF_PRESET]
    FIGURES += [("mousenet", f"{RESULTS}/figures/training", "training", None)]
# tables that the report shows of every run
OF_PAGE = ["best_layers", "models", "intervals", "permutation_tests", "layer_choices", "seed_spread", "null_check"]
OF_PAGE += [*ANSWERS, "recovery", "power", *SPECIFICITY]
TEMPLATE, CAPTIONS = str(ROOT / "workflow/report/report.html"), sorted(map(str, (ROOT / "workflow/report").glob("*.rst")))


rule gather_tables:
    input:
        lambda wildcards: parts_of(PARTS[wildcards.table]),
    output:
        f"{RESULTS}/tables/{{table}}.parquet",
    log:
        f"{RESULTS}/logs/gather_tables/{{table}}.log",
    wildcard_constraints:
        table="|".join(PARTS),
    conda:
        "../../envs/analysis.yaml"
    params:
        parts=lambda wildcards: parts_of(PARTS[wildcards.table]),
        code=code("gather_tables"),
    script:
        "../scripts/gather_tables.py"


rule plot_scores:
    input:
        best=lambda wildcards: of_family("best_layers", wildcards.method),
        ceilings=CEILINGS,
        models=f"{RESULTS}/tables/models.parquet",
        intervals=lambda wildcards: of_family("intervals", wildcards.method),
        tests=lambda wildcards: of_family("permutation_tests", wildcards.method),
    output:
        figure_files(f"{RESULTS}/figures/scores_{{method}}", "scores", "Scores", method="{method}"),
    log:
        f"{RESULTS}/logs/plot_scores/{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        method=lambda wildcards: METHODS[wildcards.method] | {"method": wildcards.method},
        areas=DATASET.areas,
        title=TITLE,
        code=code("plot_scores"),
    script:
        "../scripts/plot_scores.py"


rule plot_thresholds:
    input:
        f"{RESULTS}/tables/thresholds.parquet",
    output:
        figure_files(f"{RESULTS}/figures/thresholds_{{selection}}", "thresholds", "Neurons", selection="{selection}"),
    log:
        f"{RESULTS}/logs/plot_thresholds/{{selection}}.log",
    wildcard_constraints:
        selection="|".join(map(re.escape, SELECTIONS[:1])) or "none",  # that of the table
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=DATASET.areas,
        min_reliability=SELECTION["min_reliability"],
        title=lambda wildcards: f"{TITLE}, selection {wildcards.selection}",
        code=code("plot_thresholds"),
    script:
        "../scripts/plot_thresholds.py"


rule plot_network:
    input:
        nodes="results/mousenet/{variant}/nodes.parquet",
        connections="results/mousenet/{variant}/connections.parquet",
    output:
        figure_files("results/mousenet/{variant}/network", "network", "MouseNet", variant="{variant}"),
    log:
        "results/mousenet/logs/plot_network/{variant}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("plot_network"),
    script:
        "../scripts/plot_network.py"


rule plot_nodes:
    input:
        scores=lambda wildcards: of_family("scores", wildcards.method),
        models=f"{RESULTS}/tables/models.parquet",
        ceilings=CEILINGS,
    output:
        figure_files(f"{RESULTS}/figures/nodes_{{method}}", "nodes", "MouseNet", method="{method}"),
    log:
        f"{RESULTS}/logs/plot_nodes/{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        method=lambda wildcards: METHODS[wildcards.method] | {"method": wildcards.method},
        areas=DATASET.areas,
        title=TITLE,
        code=code("plot_nodes"),
    script:
        "../scripts/plot_nodes.py"


rule plot_units:
    input:
        units=f"{RESULTS}/tables/units.parquet",
        models=f"{RESULTS}/tables/models.parquet",
    output:
        figure_files(f"{RESULTS}/figures/units", "units", "MouseNet"),
    log:
        f"{RESULTS}/logs/plot_units.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=DATASET.areas,
        neurons="simulated neurons" if DATASET.name == "demo" else "recorded neurons",
        title=TITLE,
        code=code("plot_units"),
    script:
        "../scripts/plot_units.py"


rule plot_training:
    input:
        expand(f"{TRAINED}/{{run}}.parquet", run=RUNS),
    output:
        figure_files(f"{RESULTS}/figures/training", "training", "MouseNet"),
    log:
        f"{RESULTS}/logs/plot_training.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        runs=RUNS,
        code=code("plot_training"),
    script:
        "../scripts/plot_training.py"


rule plot_trajectory:
    input:
        best=lambda wildcards: of_family("best_layers", wildcards.method),
        models=f"{RESULTS}/tables/models.parquet",
        histories=expand(f"{TRAINED}/{{run}}.parquet", run=RUNS),
    output:
        figure_files(f"{RESULTS}/figures/trajectory_{{method}}", "trajectory", "MouseNet", method="{method}"),
    log:
        f"{RESULTS}/logs/plot_trajectory/{{method}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        method=lambda wildcards: METHODS[wildcards.method] | {"method": wildcards.method},
        areas=DATASET.areas,
        runs=RUNS,
        title=TITLE,
        code=code("plot_trajectory"),
    script:
        "../scripts/plot_trajectory.py"


rule write_report:
    input:
        template=timeless([TEMPLATE]),
        captions=timeless(CAPTIONS),
        figures=[f"{file}.png" for _, file, _, _ in FIGURES],
        tables=[*expand(f"{RESULTS}/tables/{{table}}.parquet", table=OF_PAGE), *CEILINGS, *NEURONS, *COUNTS, *DISTANCES],
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/write_report.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        figures=FIGURES,
        methods=METHODS,
        config=config,
        contents=contents([TEMPLATE, *CAPTIONS]),
        dataset={
            "name": DATASET.name,
            "description": DATASET.description,
            "citation": DATASET.citation,
            "areas": DATASET.areas,
            "results": RESULTS,
            "left_out": told(LEFT_OUT),
        },
        code=code("write_report"),
    script:
        "../scripts/write_report.py"
