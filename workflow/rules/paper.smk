"""Figures, the report, exports, and the score of the replication, from the tables of a run alone."""

FIGURE_TABLE = own_table("figures")
# the page of the report, and its parts
PAGE = [ROOT / "workflow/report" / file for file in ("report.html", "parts.html", "style.css", "script.js")]
PAGE = list(map(str, [*PAGE, *sorted((ROOT / "workflow/report/sections").iterdir())]))
FIGURES = list_figures(
    FIGURE_TABLE["figures"],
    {"method": list(METHODS), "area": AREAS, "model": list(MODELS), "variant": VARIANTS},
    own_table("methods")["presets"],
)
TABLES = expand(f"{RESULTS}/tables/{{table}}.parquet", table=[*OF_RUN, "replication"])


rule score_replication:
    input:
        expand(f"{RESULTS}/tables/{{table}}.parquet", table=[table for table in READ if table in OF_RUN]),
    output:
        f"{RESULTS}/tables/replication.parquet",
    log:
        f"{RESULTS}/logs/score_replication.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        targets=list_targets(own_table("targets")),
        code=code("score_replication"),
    script:
        "../scripts/score_replication.py"


rule draw_figures:
    input:
        TABLES,
    output:
        index=f"{RESULTS}/figures/index.csv",
        figures=[
            report(
                f"{RESULTS}/figures/{name}.{ending}",
                caption="../report/figure.rst",
                category=FIGURE_TABLE["sections"][row["section"]],
                labels={"figure": name, "format": ending},
            )
            for name, row in FIGURES.items()
            for ending in row["endings"]
        ],
    log:
        f"{RESULTS}/logs/draw_figures.log",
    conda:
        "../../envs/analysis.yaml"
    threads: 8
    params:
        table=FIGURE_TABLE["figures"],
        figures=FIGURES,
        drawing=figure_code(FIGURE_TABLE["figures"]),
        code=code("draw_figures"),
    script:
        "../scripts/draw_figures.py"


rule write_report:
    input:
        template=timeless(PAGE),
        index=rules.draw_figures.output.index,
        figures=rules.draw_figures.output.figures,
        tables=TABLES,
        jobs=f"{RESULTS}/tables/jobs.parquet",
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/write_report.log",
    conda:
        "../../envs/analysis.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (1000 + 20 * len(MODELS)),
    params:
        contents=contents(PAGE),
        sections=FIGURE_TABLE["sections"],
        citations=own_table("citations"),
        code=code("write_report"),
    script:
        "../scripts/write_report.py"


rule write_exports:
    # by request: `snakemake write_exports`
    input:
        tables=TABLES,
        rdms=RDM_FILES,
        stimuli=RDM_IMAGES,
    output:
        expand(f"{RESULTS}/exports/{{file}}", file=export_files([*OF_RUN, "replication"], bool(RDM_FILES))),
    log:
        f"{RESULTS}/logs/write_exports.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        rdms=[RDM_FILES, RDM_IMAGES],
        code=code("write_exports"),
    script:
        "../scripts/write_exports.py"
