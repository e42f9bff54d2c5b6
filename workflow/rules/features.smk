"""Run every network once over all images, and keep the kernels of its layers. `snakemake check_zoo` checks that networks work."""


rule extract_features:
    input:
        stimuli=STIMULI,
        weights=lambda wildcards: timeless(weight_files(MODELS[wildcards.model])),
        tables=lambda wildcards: timeless(table_files(MODELS[wildcards.model]["options"])),
    output:
        expand("results/kernels/{{model}}/{{key}}/{kernel}.npz", kernel=[kernel for kernel in KERNELS if kernel != "zscore"]),
    log:
        f"{RESULTS}/logs/extract_features/{{model}}-{{key}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/extract_features/{{model}}-{{key}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=config["extraction"]["memory_mb"],
        disk_mb=config["extraction"]["scratch_mb"],
        scratch=config["extraction"]["scratch"] or "",
    params:
        **config["projection"],
        layers=config["layers"],
        precision=config["extraction"]["precision"],
        spec=lambda wildcards: content_key(MODELS[wildcards.model]),
        code=code("extract_features"),
    script:
        "../scripts/extract_features.py"


# a job of its own, so that adding a method that reads this kernel does not extract the other kernels again
use rule extract_features as extract_zscored_features with:
    output:
        "results/kernels/{model}/{key}/zscore.npz",
    log:
        f"{RESULTS}/logs/extract_features/{{model}}-{{key}}-zscored.log",
    benchmark:
        f"{RESULTS}/benchmarks/extract_features/{{model}}-{{key}}-zscored.tsv"


rule gather_models:
    input:
        [kernel_files(model, ["centred"]) for model in MODELS],
    output:
        f"{RESULTS}/tables/models.parquet",
    log:
        f"{RESULTS}/logs/gather_models.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        models=list(MODELS),
        kernels=[kernel_files(model, ["centred"]) for model in MODELS],
        labels={model: {key: spec[key] for key in LABELS} for model, spec in MODELS.items()},
        code=code("gather_models"),
    script:
        "../scripts/gather_models.py"


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
        kernels=[kernel for kernel in KERNELS if kernel != "centred"],
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
