"""Every network once over all images: the kernels of its layers."""


# where the submitting machine has a network, downloads need no job of a cluster
localrules:
    download_weights,


rule download_weights:
    output:
        f"{WEIGHTS}/{{file}}",
    log:
        f"{RESULTS}/logs/download_weights/{{file}}.log",
    wildcard_constraints:
        file="|".join(map(re.escape, DOWNLOADS)),
    conda:
        "../../envs/torch.yaml"
    # no hash of the code here: editing it must not fetch all weights again
    params:
        address=lambda wildcards: DOWNLOADS[wildcards.file]["address"],
        sha256=lambda wildcards: DOWNLOADS[wildcards.file]["sha256"],
    script:
        "../scripts/download_weights.py"


rule extract_features:
    input:
        stimuli=f"{RESULTS}/stimuli.npz",
        weights=lambda wildcards: timeless(weight_files(MODELS[wildcards.model])),
        tables=lambda wildcards: timeless(table_files(MODELS[wildcards.model]["options"])),
    output:
        f"{RESULTS}/grams/{{model}}.npz",
    log:
        f"{RESULTS}/logs/extract_features/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/extract_features/{{model}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=config["extraction"]["memory_mb"],
    params:
        **config["projection"],
        layers=config["layers"],
        precision=config["extraction"]["precision"],
        kernels=config["method"]["predictors"] if "ridge" in METRICS else [],
        spec=lambda wildcards: content_key(MODELS[wildcards.model]),
        code=code("extract_features"),
    script:
        "../scripts/extract_features.py"


rule gather_models:
    input:
        expand(f"{RESULTS}/grams/{{model}}.npz", model=MODELS),
    output:
        f"{RESULTS}/tables/models.parquet",
    log:
        f"{RESULTS}/logs/gather_models.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        labels={model: {key: spec[key] for key in LABELS} for model, spec in MODELS.items()},
        code=code("gather_models"),
    script:
        "../scripts/gather_models.py"
