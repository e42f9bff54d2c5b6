"""Figures and the report, from the tables alone."""

FIGURES += MOUSENET_FIGURES
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


rule write_report:
    input:
        template=timeless([TEMPLATE]),
        captions=timeless(CAPTIONS),
        figures=expand(f"{RESULTS}/figures/scores_{{metric}}.png", metric=METRICS),
        best=f"{RESULTS}/tables/best_layers.parquet",
        ceilings=CEILINGS,
        models=f"{RESULTS}/tables/models.parquet",
        neurons=NEURONS,
        counts=COUNTS,
        distances=DISTANCES,
        thresholds=[figure for figure in FIGURES if figure.endswith("thresholds.png")],
        mousenet=[figure for figure in MOUSENET_FIGURES if figure.endswith(".png")],
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
