"""Every layer of every model against every site; a model's kernels are read once, and every area has a file."""


rule score_rsa:
    input:
        kernel=f"{RESULTS}/kernels/{{model}}/centred.npz",
        rdms=expand(f"{RESULTS}/rdms/{{area}}.npz", area=DATASET.areas),
    output:
        expand(f"{RESULTS}/scores/rsa/{{area}}/{{{{model}}}}.parquet", area=DATASET.areas),
    log:
        f"{RESULTS}/logs/score_rsa/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_rsa/{{model}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    params:
        preset=method_label(config, "rsa"),
        selection=SELECTED,
        code=code("score_rsa"),
    script:
        "../scripts/score_rsa.py"


rule score_ridge:
    input:
        kernels=expand(f"{RESULTS}/kernels/{{{{model}}}}/{{kernel}}.npz", kernel=config["method"]["predictors"]),
        populations=expand(f"{RESULTS}/populations/{{area}}.npz", area=DATASET.areas),
    output:
        neurons=expand(f"{RESULTS}/neuron_scores/{{area}}/{{{{model}}}}.parquet", area=DATASET.areas),
        sites=expand(f"{RESULTS}/scores/ridge/{{area}}/{{{{model}}}}.parquet", area=DATASET.areas),
    log:
        f"{RESULTS}/logs/score_ridge/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_ridge/{{model}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    params:
        preset={kernel: method_label(config, "ridge", kernel) for kernel in config["method"]["predictors"]},
        selection=SELECTED,
        predictors=config["method"]["predictors"],
        penalty=config["method"]["penalty"],
        min_neurons=config["selection"]["min_neurons"],
        code=code("score_ridge"),
    script:
        "../scripts/score_ridge.py"


rule gather_scores:
    input:
        expand(f"{RESULTS}/scores/{{metric}}/{{area}}/{{model}}.parquet", metric=METRICS, area=DATASET.areas, model=MODELS),
    output:
        f"{RESULTS}/tables/scores.parquet",
    log:
        f"{RESULTS}/logs/gather_scores.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        scored=[METRICS, DATASET.areas, list(MODELS)],
        code=code("gather_scores"),
    script:
        "../scripts/gather_scores.py"
