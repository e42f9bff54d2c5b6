"""Networks trained here. Models name their weights as trained:RUN or trained:RUN@EPOCH."""


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
    # Snakemake does not know the folder of epochs, and so does not remove it; its name is a hash of the recipe
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
