"""MouseNet: its anatomy, its populations beside recorded areas, its units beside recorded neurons."""

OF_MOUSENET = [model for model, spec in MODELS.items() if spec["source"] == "mousenet"]
DISTANCES, MOUSENET_FIGURES = [], []
if OF_MOUSENET:
    MOUSENET_FIGURES += [f"{RESULTS}/figures/populations.pdf", f"{RESULTS}/figures/populations.png"]
if OF_MOUSENET and DATASET.kind == "responses":
    DISTANCES += [f"{RESULTS}/tables/unit_distances.parquet"]
    MOUSENET_FIGURES += [f"{RESULTS}/figures/units.pdf", f"{RESULTS}/figures/units.png"]
MOUSENET_FIGURES += expand(
    "results/mousenet/{preset}/network.{ending}",
    preset=sorted({MODELS[model]["name"] for model in OF_MOUSENET}),
    ending=["pdf", "png"],
)


rule describe_mousenet:
    input:
        lambda wildcards: timeless(anatomy_files(config["mousenet"]["presets"][wildcards.preset])),
    output:
        populations="results/mousenet/{preset}/populations.parquet",
        projections="results/mousenet/{preset}/projections.parquet",
    log:
        "results/mousenet/logs/describe_mousenet/{preset}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        options=lambda wildcards: config["mousenet"]["presets"][wildcards.preset],
        contents=lambda wildcards: contents(anatomy_files(config["mousenet"]["presets"][wildcards.preset])),
        code=code("describe_mousenet"),
    script:
        "../scripts/describe_mousenet.py"


rule plot_mousenet:
    input:
        populations="results/mousenet/{preset}/populations.parquet",
        projections="results/mousenet/{preset}/projections.parquet",
    output:
        report(
            "results/mousenet/{preset}/network.pdf",
            caption="../report/network.rst",
            category="MouseNet",
            labels={"preset": "{preset}", "format": "pdf"},
        ),
        report(
            "results/mousenet/{preset}/network.png",
            caption="../report/network.rst",
            category="MouseNet",
            labels={"preset": "{preset}", "format": "png"},
        ),
    log:
        "results/mousenet/logs/plot_mousenet/{preset}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("plot_mousenet"),
    script:
        "../scripts/plot_mousenet.py"


rule plot_populations:
    input:
        scores=f"{RESULTS}/tables/scores.parquet",
        models=f"{RESULTS}/tables/models.parquet",
        ceilings=CEILINGS,
    output:
        report(
            f"{RESULTS}/figures/populations.pdf",
            caption="../report/populations.rst",
            category="MouseNet",
            labels={"format": "pdf"},
        ),
        report(
            f"{RESULTS}/figures/populations.png",
            caption="../report/populations.rst",
            category="MouseNet",
            labels={"format": "png"},
        ),
    log:
        f"{RESULTS}/logs/plot_populations.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=DATASET.areas,
        title=TITLE,
        code=code("plot_populations"),
    script:
        "../scripts/plot_populations.py"


rule measure_units:
    input:
        stimuli=f"{RESULTS}/stimuli.npz",
        weights=lambda wildcards: timeless(weight_files(MODELS[wildcards.model])),
        tables=lambda wildcards: timeless(table_files(MODELS[wildcards.model]["options"])),
    output:
        f"{RESULTS}/units/{{model}}.parquet",
    log:
        f"{RESULTS}/logs/measure_units/{{model}}.log",
    conda:
        "../../envs/torch.yaml"
    params:
        **config["mousenet"]["units"],
        spec=lambda wildcards: content_key(MODELS[wildcards.model]),
        code=code("measure_units"),
    script:
        "../scripts/measure_units.py"


rule measure_neurons:
    input:
        populations=expand(f"{RESULTS}/populations/{{area}}.npz", area=DATASET.areas),
        stimuli=f"{RESULTS}/stimuli.npz",
    output:
        f"{RESULTS}/units.parquet",
    log:
        f"{RESULTS}/logs/measure_neurons.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **{key: config["mousenet"]["units"][key] for key in ("seed", "negative")},
        areas=DATASET.areas,
        code=code("measure_neurons"),
    script:
        "../scripts/measure_neurons.py"


rule compare_units:
    input:
        f"{RESULTS}/units.parquet",
        expand(f"{RESULTS}/units/{{model}}.parquet", model=OF_MOUSENET),
    output:
        units=f"{RESULTS}/tables/units.parquet",
        distances=f"{RESULTS}/tables/unit_distances.parquet",
    log:
        f"{RESULTS}/logs/compare_units.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        models=OF_MOUSENET,
        code=code("compare_units"),
    script:
        "../scripts/compare_units.py"


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
