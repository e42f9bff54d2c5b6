"""From the scores of all layers to what may be claimed about a model."""


rule choose_layers:
    input:
        scores=f"{RESULTS}/scores/{{family}}.parquet",
        choices=expand(f"{RESULTS}/layer_choices/{{{{family}}}}/{{model}}.parquet", model=MODELS),
        ceilings=lambda wildcards: ceilings_of_rdms(wildcards.family),
    output:
        best=f"{RESULTS}/best_layers/{{family}}.parquet",
        choices=f"{RESULTS}/layer_choices/{{family}}.parquet",
    log:
        f"{RESULTS}/logs/choose_layers/{{family}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        models=list(MODELS),
        methods=lambda wildcards: targets_of(wildcards.family),
        code=code("choose_layers"),
    script:
        "../scripts/choose_layers.py"


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
