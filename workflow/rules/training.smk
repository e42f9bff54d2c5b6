"""Networks trained here, whose weights models name as trained:RUN, or trained:RUN@EPOCH."""

RUNS = sorted({run_of(spec["weights"]) for spec in MODELS.values() if spec["weights"].startswith(OF_RUN)})
if RUNS:
    MOUSENET_FIGURES += [f"{RESULTS}/figures/trajectory.pdf", f"{RESULTS}/figures/trajectory.png"]
    MOUSENET_FIGURES += [f"{TRAINED}/training.pdf", f"{TRAINED}/training.png"]


rule train_network:
    input:
        lambda wildcards: timeless(network_files(training_spec(wildcards.run, config))),
    output:
        weights=f"{TRAINED}/{{run}}.safetensors",
        history=f"{TRAINED}/{{run}}.parquet",
    log:
        f"{TRAINED}/logs/train_network/{{run}}.log",
    conda:
        "../../envs/torch.yaml"
    threads: 4
    resources:
        gpu=1,
    # epochs lie in a folder that Snakemake does not know, and so does not remove; its name stands for the recipe
    params:
        spec=lambda wildcards: training_spec(wildcards.run, config),
        n_epochs=lambda wildcards: config["training"][wildcards.run]["epochs"],
        epochs=lambda wildcards: epochs_of(wildcards.run),
        code=code("train_network"),
    script:
        "../scripts/train_network.py"


rule keep_epoch:
    input:
        epoch_or_run,
    output:
        f"{TRAINED}/{{run}}@{{epoch}}.safetensors",
    log:
        f"{TRAINED}/logs/keep_epoch/{{run}}@{{epoch}}.log",
    wildcard_constraints:
        epoch=r"\d+",
    conda:
        "../../envs/torch.yaml"
    params:
        weights=lambda wildcards: str(epoch_file(epochs_of(wildcards.run), int(wildcards.epoch))),
        code=code("keep_epoch"),
    script:
        "../scripts/keep_epoch.py"


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
