"""Figures and the report, from the tables alone."""

# every figure of a run without its ending, by the section of the report that shows it
FIGURES = {
    "scores": [f"{RESULTS}/figures/scores_{metric}" for metric in METRICS],
    "neurons": [f"{RESULTS}/figures/thresholds" for _ in THRESHOLDS],
    "mousenet": [f"{RESULTS}/figures/nodes"] * bool(OF_MOUSENET)
    + [f"{RESULTS}/figures/units" for _ in DISTANCES]
    + sorted({f"results/mousenet/{MODELS[model]['name']}/network" for model in OF_MOUSENET})
    + [f"{RESULTS}/figures/trajectory", f"{TRAINED}/training"] * bool(RUNS),
}
TEMPLATE, CAPTIONS = str(ROOT / "workflow/report/report.html"), sorted(map(str, (ROOT / "workflow/report").glob("*.rst")))


rule plot_scores:
    input:
        best=f"{RESULTS}/tables/best_layers.parquet",
        ceilings=CEILINGS,
        models=f"{RESULTS}/tables/models.parquet",
    output:
        report(
            f"{RESULTS}/figures/scores_{{metric}}.pdf",
            caption="../report/scores.rst",
            category="Scores",
            labels={"metric": "{metric}", "format": "pdf"},
        ),
        report(
            f"{RESULTS}/figures/scores_{{metric}}.png",
            caption="../report/scores.rst",
            category="Scores",
            labels={"metric": "{metric}", "format": "png"},
        ),
    log:
        f"{RESULTS}/logs/plot_scores/{{metric}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        variant=lambda wildcards: SHOWN[wildcards.metric],
        areas=DATASET.areas,
        title=TITLE,
        code=code("plot_scores"),
    script:
        "../scripts/plot_scores.py"


rule plot_thresholds:
    input:
        f"{RESULTS}/tables/thresholds.parquet",
    output:
        report(f"{RESULTS}/figures/thresholds.pdf", caption="../report/thresholds.rst", category="Neurons"),
        report(f"{RESULTS}/figures/thresholds.png", caption="../report/thresholds.rst", category="Neurons"),
    log:
        f"{RESULTS}/logs/plot_thresholds.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=DATASET.areas,
        min_reliability=SELECTION["min_reliability"],
        title=TITLE,
        code=code("plot_thresholds"),
    script:
        "../scripts/plot_thresholds.py"


rule plot_mousenet:
    input:
        nodes="results/mousenet/{variant}/nodes.parquet",
        connections="results/mousenet/{variant}/connections.parquet",
    output:
        report(
            "results/mousenet/{variant}/network.pdf",
            caption="../report/network.rst",
            category="MouseNet",
            labels={"variant": "{variant}", "format": "pdf"},
        ),
        report(
            "results/mousenet/{variant}/network.png",
            caption="../report/network.rst",
            category="MouseNet",
            labels={"variant": "{variant}", "format": "png"},
        ),
    log:
        "results/mousenet/logs/plot_mousenet/{variant}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("plot_mousenet"),
    script:
        "../scripts/plot_mousenet.py"


rule plot_nodes:
    input:
        scores=f"{RESULTS}/tables/scores.parquet",
        models=f"{RESULTS}/tables/models.parquet",
        ceilings=CEILINGS,
    output:
        report(
            f"{RESULTS}/figures/nodes.pdf",
            caption="../report/nodes.rst",
            category="MouseNet",
            labels={"format": "pdf"},
        ),
        report(
            f"{RESULTS}/figures/nodes.png",
            caption="../report/nodes.rst",
            category="MouseNet",
            labels={"format": "png"},
        ),
    log:
        f"{RESULTS}/logs/plot_nodes.log",
    conda:
        "../../envs/analysis.yaml"
    params:
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
        report(f"{RESULTS}/figures/units.pdf", caption="../report/units.rst", category="MouseNet", labels={"format": "pdf"}),
        report(f"{RESULTS}/figures/units.png", caption="../report/units.rst", category="MouseNet", labels={"format": "png"}),
    log:
        f"{RESULTS}/logs/plot_units.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=DATASET.areas,
        title=TITLE,
        code=code("plot_units"),
    script:
        "../scripts/plot_units.py"


rule plot_training:
    input:
        expand(f"{TRAINED}/{{run}}.parquet", run=RUNS),
    output:
        report(f"{TRAINED}/training.pdf", caption="../report/training.rst", category="MouseNet", labels={"format": "pdf"}),
        report(f"{TRAINED}/training.png", caption="../report/training.rst", category="MouseNet", labels={"format": "png"}),
    log:
        f"{TRAINED}/logs/plot_training.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        runs=RUNS,
        code=code("plot_training"),
    script:
        "../scripts/plot_training.py"


rule plot_trajectory:
    input:
        best=f"{RESULTS}/tables/best_layers.parquet",
        models=f"{RESULTS}/tables/models.parquet",
        histories=expand(f"{TRAINED}/{{run}}.parquet", run=RUNS),
    output:
        report(
            f"{RESULTS}/figures/trajectory.pdf",
            caption="../report/trajectory.rst",
            category="MouseNet",
            labels={"format": "pdf"},
        ),
        report(
            f"{RESULTS}/figures/trajectory.png",
            caption="../report/trajectory.rst",
            category="MouseNet",
            labels={"format": "png"},
        ),
    log:
        f"{RESULTS}/logs/plot_trajectory.log",
    conda:
        "../../envs/analysis.yaml"
    params:
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
        scores=expand("{figure}.png", figure=FIGURES["scores"]),
        best=f"{RESULTS}/tables/best_layers.parquet",
        ceilings=CEILINGS,
        models=f"{RESULTS}/tables/models.parquet",
        neurons=NEURONS,
        counts=COUNTS,
        distances=DISTANCES,
        figures_of_neurons=expand("{figure}.png", figure=FIGURES["neurons"]),
        figures_of_mousenet=expand("{figure}.png", figure=FIGURES["mousenet"]),
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/write_report.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        variants=SHOWN,
        config=config,
        contents=contents([TEMPLATE, *CAPTIONS]),
        dataset={
            "name": DATASET.name,
            "description": DATASET.description,
            "citation": DATASET.citation,
            "areas": DATASET.areas,
        },
        code=code("write_report"),
    script:
        "../scripts/write_report.py"
