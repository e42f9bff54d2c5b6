"""Score every layer of every model against every site; one job scores one model by all methods of one family."""


rule score_rdms:
    input:
        kernels=lambda wildcards: kernel_files(wildcards.model, stored_kernels(FAMILIES[wildcards.family])),
        targets=lambda wildcards: of_selections("rdms/{selection}/{area}.npz", wildcards.family),
        stimuli=STIMULI,
    output:
        expand(f"{RESULTS}/scores/{{{{family}}}}/{{area}}/{{{{model}}}}.parquet", area=DATASET.areas),
    log:
        f"{RESULTS}/logs/score_rdms/{{family}}/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_rdms/{{family}}/{{model}}.tsv"
    wildcard_constraints:
        family="|".join(family for family, rows in FAMILIES.items() if reads_rdms(rows)) or "none",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(800, 0.01),
    params:
        images=IMAGES,
        kernels=lambda wildcards: kernel_files(wildcards.model, stored_kernels(FAMILIES[wildcards.family])),
        methods=lambda wildcards: computed(FAMILIES[wildcards.family]),
        differs=lambda wildcards: differing(FAMILIES[wildcards.family]),
        family=lambda wildcards: family_code(FAMILIES[wildcards.family]),
        code=code("score_rdms"),
    script:
        "../scripts/score_rdms.py"


rule score_responses:
    input:
        kernels=lambda wildcards: kernel_files(wildcards.model, stored_kernels(FAMILIES[wildcards.family])),
        targets=lambda wildcards: of_selections("populations/{selection}/{area}.npz", wildcards.family),
        stimuli=STIMULI,
    output:
        sites=expand(f"{RESULTS}/scores/{{{{family}}}}/{{area}}/{{{{model}}}}.parquet", area=DATASET.areas),
        neurons=expand(f"{RESULTS}/neuron_scores/{{{{family}}}}/{{area}}/{{{{model}}}}.parquet", area=DATASET.areas),
    log:
        f"{RESULTS}/logs/score_responses/{{family}}/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_responses/{{family}}/{{model}}.tsv"
    wildcard_constraints:
        family="|".join(family for family, rows in FAMILIES.items() if not reads_rdms(rows)) or "none",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(1100, 0.01),
    params:
        images=IMAGES,
        kernels=lambda wildcards: kernel_files(wildcards.model, stored_kernels(FAMILIES[wildcards.family])),
        methods=lambda wildcards: computed(FAMILIES[wildcards.family]),
        differs=lambda wildcards: differing(FAMILIES[wildcards.family]),
        min_neurons=SELECTION["min_neurons"],
        family=lambda wildcards: family_code(FAMILIES[wildcards.family]),
        code=code("score_responses"),
    script:
        "../scripts/score_responses.py"


rule gather_scores:
    input:
        scores=expand(f"{RESULTS}/scores/{{{{family}}}}/{{area}}/{{model}}.parquet", area=DATASET.areas, model=MODELS),
        ceilings=lambda wildcards: ceilings_of_rdms(wildcards.family),
    output:
        f"{RESULTS}/scores/{{family}}.parquet",
    log:
        f"{RESULTS}/logs/gather_scores/{{family}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        scored=[DATASET.areas, list(MODELS)],
        methods=lambda wildcards: targets_of(wildcards.family),
        code=code("gather_scores"),
    script:
        "../scripts/gather_scores.py"
