"""MouseNet: its anatomy as tables and a drawing; and networks trained here, whose weights models can name."""


rule describe_mousenet:
    input:
        MOUSENET_TABLES,
    output:
        populations="results/mousenet/{preset}/populations.parquet",
        projections="results/mousenet/{preset}/projections.parquet",
    log:
        "results/mousenet/logs/describe_mousenet/{preset}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        options=lambda wildcards: config["mousenet"]["presets"][wildcards.preset],
        code=code("describe_mousenet"),
    script:
        "../scripts/describe_mousenet.py"


rule plot_mousenet:
    input:
        populations="results/mousenet/{preset}/populations.parquet",
        projections="results/mousenet/{preset}/projections.parquet",
    output:
        report("results/mousenet/{preset}/network.pdf", category="MouseNet", labels={"preset": "{preset}", "format": "pdf"}),
        report("results/mousenet/{preset}/network.png", category="MouseNet", labels={"preset": "{preset}", "format": "png"}),
    log:
        "results/mousenet/logs/plot_mousenet/{preset}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("plot_mousenet"),
    script:
        "../scripts/plot_mousenet.py"


rule train_network:
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
    # what an interrupted run goes on from lies in a folder that Snakemake does not know, and so does not remove
    params:
        spec=lambda wildcards: training_spec(wildcards.run, config),
        recipe=lambda wildcards: config["training"][wildcards.run],
        epochs=f"{TRAINED}/{{run}}",
        code=code("train_network"),
    script:
        "../scripts/train_network.py"


rule plot_training:
    input:
        expand(f"{TRAINED}/{{run}}.parquet", run=RUNS),
    output:
        report(f"{TRAINED}/training.pdf", category="MouseNet", labels={"format": "pdf"}),
        report(f"{TRAINED}/training.png", category="MouseNet", labels={"format": "png"}),
    log:
        f"{TRAINED}/logs/plot_training.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("plot_training"),
    script:
        "../scripts/plot_training.py"
