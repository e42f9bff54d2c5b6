"""Whether every network works: built with random weights and run on a few images. Asked for by name: snakemake check_zoo."""


rule check_network:
    output:
        "results/zoo/{model}.json",
    log:
        "results/zoo/logs/check_network/{model}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=config["extraction"]["memory_mb"],
    params:
        **config["projection"],
        kernels=config["method"]["predictors"],
        layers=config["layers"],
        spec=lambda wildcards: architecture(MODELS[wildcards.model]),
        code=code("check_network"),
    script:
        "../scripts/check_network.py"


rule check_zoo:
    input:
        expand("results/zoo/{model}.json", model=sorted(set(SAME_NETWORK.values()))),
    output:
        "results/zoo/zoo.parquet",
    log:
        "results/zoo/logs/check_zoo.log",
    conda:
        "../../envs/torch.yaml"
    params:
        models=SAME_NETWORK,
        code=code("check_zoo"),
    script:
        "../scripts/check_zoo.py"
