"""From the scores of all layers to what may be claimed about a model."""

TARGETS = "populations/{selection}/{area}.npz" if HAS_NEURONS else "rdms/{selection}/{area}.npz"
# the run's check of itself: noise, if the run has it, and another model with its images shuffled
NOISE = [model for model, spec in MODELS.items() if (spec["source"], spec["name"]) == ("baseline", "noise")]
SHUFFLED = [*(model for model in MODELS if model not in NOISE), *NOISE][0]
CONTRAST_SCHEMA = read_schema(ROOT / "workflow/schemas/contrasts.schema.yaml")
CONTRAST_TABLE = own_table("contrasts")
with in_one_line():
    check(config["contrasts"]["add"], CONTRAST_SCHEMA, "config: contrasts.add")
    CONTRASTS = list_contrasts(CONTRAST_TABLE, config)
COMPARISONS = ["intervals", "differences", "permutation_tests", "seed_spread", "animal_scores"]
ANSWERS = ["comparisons", "agreement"]
# similarities do not tell animals apart
SPECIFICITY = ["specificity"] * HAS_NEURONS
# what the data can decide; the kernels that this reads, as neurons are simulated from centred ones; and the families of the
# networks from which they may be simulated: noise predicts nothing
JUDGEMENTS = ["recovery", "discriminability", "power", "learning_curves"]
OF_JUDGEMENT = {family: sorted({"centred", *stored_kernels(rows)}) for family, rows in FAMILIES.items()}
FAMILY_OF = {
    model: spec["family"] if spec["family"] and spec["source"] != "baseline" else spec["name"]
    for model, spec in MODELS.items()
    if HAS_NEURONS and model not in NOISE
}


rule resample_scores:
    input:
        kernels=lambda wildcards: kernel_files(wildcards.model, stored_kernels(FAMILIES[wildcards.family])),
        targets=lambda wildcards: of_selections(TARGETS, wildcards.family),
        stimuli=STIMULI,
    output:
        choices=f"{RESULTS}/layer_choices/{{family}}/{{model}}.parquet",
        animals=f"{RESULTS}/animal_scores/{{family}}/{{model}}.parquet",
        resamples=f"{RESULTS}/resamples/{{family}}/{{model}}.npz",
    log:
        f"{RESULTS}/logs/resample_scores/{{family}}/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/resample_scores/{{family}}/{{model}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(1500, 0.05),
    params:
        images=IMAGES,
        kernels=lambda wildcards: kernel_files(wildcards.model, stored_kernels(FAMILIES[wildcards.family])),
        methods=lambda wildcards: computed(FAMILIES[wildcards.family], "choice"),
        differs=lambda wildcards: differing(FAMILIES[wildcards.family]),
        axis=-1 if HAS_NEURONS else 0,
        min_neurons=SELECTION["min_neurons"],
        splits=config["layer_choice"],
        resampling={key: config["inference"][key] for key in ("n_boot", "n_halves", "n_neurons", "seed")},
        n_permutations=config["inference"]["n_permutations"],
        family=lambda wildcards: family_code(FAMILIES[wildcards.family], whole=True),
        code=code("resample_scores"),
    script:
        "../scripts/resample_scores.py"


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


rule compare_models:
    input:
        resamples=expand(f"{RESULTS}/resamples/{{{{family}}}}/{{model}}.npz", model=MODELS),
        animals=expand(f"{RESULTS}/animal_scores/{{{{family}}}}/{{model}}.parquet", model=MODELS),
        best=f"{RESULTS}/best_layers/{{family}}.parquet",
    output:
        expand(f"{RESULTS}/{{table}}/{{{{family}}}}.parquet", table=COMPARISONS),
    log:
        f"{RESULTS}/logs/compare_models/{{family}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (1000 + 20 * len(MODELS)),
    params:
        models=list(MODELS),
        networks={model: network_of(spec) for model, spec in MODELS.items() if spec["weights"] == "random"},
        differs=lambda wildcards: differing(FAMILIES[wildcards.family]),
        code=code("compare_models"),
    script:
        "../scripts/compare_models.py"


rule answer_questions:
    input:
        resamples=expand(f"{RESULTS}/resamples/{{family}}/{{model}}.npz", family=FAMILIES, model=MODELS),
        models=f"{RESULTS}/tables/models.parquet",
        best=expand(f"{RESULTS}/best_layers/{{family}}.parquet", family=FAMILIES),
        animals=expand(f"{RESULTS}/animal_scores/{{family}}.parquet", family=FAMILIES),
    output:
        comparisons=f"{RESULTS}/tables/comparisons.parquet",
        agreement=f"{RESULTS}/tables/agreement.parquet",
    log:
        f"{RESULTS}/logs/answer_questions.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (1000 + 20 * len(MODELS)),
    params:
        models=list(MODELS),
        resamples={family: [f"{RESULTS}/resamples/{family}/{model}.npz" for model in MODELS] for family in FAMILIES},
        contrasts=CONTRASTS,
        halves={"n_halves": 100, "seed": config["inference"]["seed"]},
        labels={name: row["label"] for name, row in METHODS.items()},
        differs=differing(METHODS),
        code=code("answer_questions"),
    script:
        "../scripts/answer_questions.py"


rule measure_specificity:
    input:
        targets=lambda wildcards: of_selections(TARGETS, wildcards.family),
        stimuli=STIMULI,
    output:
        f"{RESULTS}/specificity/{{family}}.parquet",
    log:
        f"{RESULTS}/logs/measure_specificity/{{family}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(1500, 0.05),
    params:
        images=IMAGES,
        methods=lambda wildcards: computed(FAMILIES[wildcards.family], "choice"),
        differs=lambda wildcards: differing(FAMILIES[wildcards.family]),
        min_neurons=SELECTION["min_neurons"],
        family=lambda wildcards: family_code(FAMILIES[wildcards.family]),
        code=code("measure_specificity"),
    script:
        "../scripts/measure_specificity.py"


rule judge_data:
    input:
        kernels=lambda wildcards: [file for model in MODELS for file in kernel_files(model, OF_JUDGEMENT[wildcards.family])],
        targets=lambda wildcards: of_selections(TARGETS, wildcards.family),
        trials=lambda wildcards: of_selections("trials/{selection}/{area}.npz", wildcards.family) if HAS_NEURONS else [],
        resamples=expand(f"{RESULTS}/resamples/{{{{family}}}}/{{model}}.npz", model=MODELS),
        best=f"{RESULTS}/best_layers/{{family}}.parquet",
        stimuli=STIMULI,
    output:
        expand(f"{RESULTS}/{{table}}/{{{{family}}}}.parquet", table=JUDGEMENTS),
    log:
        f"{RESULTS}/logs/judge_data/{{family}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/judge_data/{{family}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(1500 + 20 * len(MODELS), 0.05),
    params:
        images=IMAGES,
        kernels=lambda wildcards: {model: kernel_files(model, OF_JUDGEMENT[wildcards.family]) for model in MODELS},
        families=FAMILY_OF,
        methods=lambda wildcards: computed(FAMILIES[wildcards.family], "choice"),
        differs=lambda wildcards: differing(FAMILIES[wildcards.family]),
        axis=-1 if HAS_NEURONS else 0,
        min_neurons=SELECTION["min_neurons"],
        choice=config["layer_choice"],
        judge=config["inference"]["judge"],
        seed=config["inference"]["seed"],
        family=lambda wildcards: family_code(FAMILIES[wildcards.family], whole=True),
        code=code("judge_data"),
    script:
        "../scripts/judge_data.py"


rule check_nulls:
    input:
        noise=lambda _: [file for model in NOISE[:1] for file in kernel_files(model, KERNELS)],
        model=lambda _: kernel_files(SHUFFLED, KERNELS),
        targets=lambda _: [file for family in FAMILIES for file in of_selections(TARGETS, family)],
        stimuli=STIMULI,
    output:
        f"{RESULTS}/tables/null_check.parquet",
    log:
        f"{RESULTS}/logs/check_nulls.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(1500, 0.05),
    params:
        images=IMAGES,
        kernels=lambda _: [kernel_files(model, KERNELS) for model in [*NOISE[:1], SHUFFLED]],
        methods=computed(METHODS, "choice"),
        axis=-1 if HAS_NEURONS else 0,
        min_neurons=SELECTION["min_neurons"],
        check=config["inference"]["check"],
        seed=config["inference"]["seed"],
        family=family_code(METHODS, whole=True),
        code=code("check_nulls"),
    script:
        "../scripts/check_nulls.py"


rule confirm_nulls:
    # last, so that a check that fails leaves everything else to look at
    input:
        check=f"{RESULTS}/tables/null_check.parquet",
        report=f"{RESULTS}/report.html",
    output:
        f"{RESULTS}/null_check.json",
    log:
        f"{RESULTS}/logs/confirm_nulls.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("confirm_nulls"),
    script:
        "../scripts/confirm_nulls.py"


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
