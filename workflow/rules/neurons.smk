"""From trials to the reliable neurons of each area, their RDMs and ceilings: for every selection that a method names."""

FIRST = [*SELECTIONS, GIVEN][0]  # the selection whose sites are compared


rule measure_reliability:
    input:
        recording=f"{RESULTS}/recordings/{{recording}}.npz",
        stimuli=STIMULI,
    output:
        f"{RESULTS}/reliability/{{recording}}.parquet",
    log:
        f"{RESULTS}/logs/measure_reliability/{{recording}}.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        **config["reliability"],
        pairs=TRIALS,
        images=IMAGES,
        code=code("measure_reliability"),
    script:
        "../scripts/measure_reliability.py"


rule select_neurons:
    input:
        reliability=lambda _: expand(f"{RESULTS}/reliability/{{recording}}.parquet", recording=recordings()),
        metrics=lambda wildcards: service_metrics(wildcards.selection),
    output:
        f"{RESULTS}/neurons/{{selection}}.parquet",
    log:
        f"{RESULTS}/logs/select_neurons/{{selection}}.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        recordings=lambda _: recordings(),
        metrics=lambda wildcards: bool(service_metrics(wildcards.selection)),
        filters=lambda wildcards: SELECTION["named"][wildcards.selection],
        limits={key: SELECTION[key] for key in ("correction", "min_reliability", "max_p", "min_neurons")},
        areas=DATASET.areas,
        code=code("select_neurons"),
    script:
        "../scripts/select_neurons.py"


rule count_neurons:
    input:
        neurons=f"{RESULTS}/neurons/{{selection}}.parquet",
    output:
        f"{RESULTS}/selection_counts/{{selection}}.parquet",
    log:
        f"{RESULTS}/logs/count_neurons/{{selection}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=DATASET.areas,
        min_reliability=SELECTION["min_reliability"],
        max_p=SELECTION["max_p"],
        published=published_counts(list_targets(own_table("targets"))) if DATASET.name == "allen" else [],
        code=code("count_neurons"),
    script:
        "../scripts/count_neurons.py"


rule pool_area:
    input:
        recordings=lambda _: expand(f"{RESULTS}/recordings/{{recording}}.npz", recording=recordings()),
        neurons=f"{RESULTS}/neurons/{{selection}}.parquet",
        stimuli=STIMULI,
    output:
        population=f"{RESULTS}/populations/{{selection}}/{{area}}.npz",
        rdms=f"{RESULTS}/rdms/{{selection}}/{{area}}.npz",
        trials=f"{RESULTS}/trials/{{selection}}/{{area}}.npz",
    log:
        f"{RESULTS}/logs/pool_area/{{selection}}/{{area}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        images=IMAGES,
        recordings=lambda _: recordings(),
        score_on=lambda wildcards: SELECTION["named"][wildcards.selection]["score_on"],
        min_neurons=SELECTION["min_neurons"],
        code=code("pool_area"),
    script:
        "../scripts/pool_area.py"


rule estimate_ceilings:
    input:
        recordings=lambda _: expand(f"{RESULTS}/recordings/{{recording}}.npz", recording=recordings()),
        neurons=f"{RESULTS}/neurons/{{selection}}.parquet",
        population=f"{RESULTS}/populations/{{selection}}/{{area}}.npz",
        stimuli=STIMULI,
    output:
        f"{RESULTS}/ceilings/{{selection}}/{{area}}.parquet",
    log:
        f"{RESULTS}/logs/estimate_ceilings/{{selection}}/{{area}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(700, 0.026),
    params:
        **config["reliability"],
        **config["ceilings"],
        images=IMAGES,
        recordings=lambda _: recordings(),
        score_on=lambda wildcards: SELECTION["named"][wildcards.selection]["score_on"],
        min_neurons=SELECTION["min_neurons"],
        differs=lambda wildcards: selection_differs(config, wildcards.selection),
        code=code("estimate_ceilings"),
    script:
        "../scripts/estimate_ceilings.py"


rule sweep_thresholds:
    input:
        recordings=lambda _: expand(f"{RESULTS}/recordings/{{recording}}.npz", recording=recordings()),
        neurons=f"{RESULTS}/neurons/{{selection}}.parquet",
        stimuli=STIMULI,
    output:
        f"{RESULTS}/thresholds/{{selection}}/{{area}}.parquet",
    log:
        f"{RESULTS}/logs/sweep_thresholds/{{selection}}/{{area}}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(700, 0.017),
    params:
        **config["thresholds"],
        images=IMAGES,
        recordings=lambda _: recordings(),
        seed=config["reliability"]["seed"],
        correction=SELECTION["correction"],
        score_on=lambda wildcards: SELECTION["named"][wildcards.selection]["score_on"],
        min_neurons=SELECTION["min_neurons"],
        code=code("sweep_thresholds"),
    script:
        "../scripts/sweep_thresholds.py"


rule measure_neurons:
    input:
        populations=expand(f"{RESULTS}/populations/{{selection}}/{{area}}.npz", selection=SELECTIONS[:1], area=DATASET.areas),
        stimuli=STIMULI,
    output:
        f"{RESULTS}/units.parquet",
    log:
        f"{RESULTS}/logs/measure_neurons.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **{key: config["mousenet"]["units"][key] for key in ("seed", "negative")},
        images=IMAGES,
        populations=[SELECTIONS[:1], DATASET.areas],
        code=code("measure_neurons"),
    script:
        "../scripts/measure_neurons.py"


rule compare_sites:
    input:
        expand(f"{RESULTS}/rdms/{FIRST}/{{area}}.npz", area=DATASET.areas),
    output:
        f"{RESULTS}/tables/site_similarity.parquet",
    log:
        f"{RESULTS}/logs/compare_sites.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=memory_mb(700, 0, per_pair=0.0025),
    params:
        selection=FIRST,
        areas=DATASET.areas,
        code=code("compare_sites"),
    script:
        "../scripts/compare_sites.py"


if PUBLISHED:

    rule compare_published:
        input:
            rdms=expand(f"{RESULTS}/rdms/{FIRST}/{{area}}.npz", area=DATASET.areas),
            published=timeless(PUBLISHED),
        output:
            f"{RESULTS}/tables/published_rdms.parquet",
        log:
            f"{RESULTS}/logs/compare_published.log",
        conda:
            "../../envs/analysis.yaml"
        resources:
            mem_mb=memory_mb(700, 0, per_pair=0.0025),
        params:
            selection=FIRST,
            areas=DATASET.areas,
            contents=contents(PUBLISHED),
            code=code("compare_published"),
        script:
            "../scripts/compare_published.py"
