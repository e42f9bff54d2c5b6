"""From trials to the reliable neurons of each area, their RDMs, ceilings and statistics."""


rule measure_reliability:
    input:
        recording=f"{RESULTS}/recordings/{{recording}}.npz",
        stimuli=f"{RESULTS}/stimuli.npz",
    output:
        f"{RESULTS}/reliability/{{recording}}.parquet",
    log:
        f"{RESULTS}/logs/measure_reliability/{{recording}}.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        **config["reliability"],
        select_on=PRESET["select_on"],
        score_on=PRESET["score_on"],
        code=code("measure_reliability"),
    script:
        "../scripts/measure_reliability.py"


rule select_neurons:
    input:
        reliability=lambda _: expand(f"{RESULTS}/reliability/{{recording}}.parquet", recording=recordings()),
        metrics=SERVICE_METRICS,
    output:
        f"{RESULTS}/tables/neurons.parquet",
    log:
        f"{RESULTS}/logs/select_neurons.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        recordings=lambda _: recordings(),
        metrics=bool(SERVICE_METRICS),
        selection={
            "areas": DATASET.areas,
            "filters": PRESET["filters"],
            **{key: SELECTION[key] for key in ("correction", "min_reliability", "max_p", "min_neurons")},
        },
        code=code("select_neurons"),
    script:
        "../scripts/select_neurons.py"


rule count_neurons:
    input:
        neurons=f"{RESULTS}/tables/neurons.parquet",
        published=PUBLISHED_COUNTS,
    output:
        f"{RESULTS}/tables/selection_counts.parquet",
    log:
        f"{RESULTS}/logs/count_neurons.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=DATASET.areas,
        min_reliability=SELECTION["min_reliability"],
        max_p=SELECTION["max_p"],
        contents=contents(PUBLISHED_COUNTS),
        code=code("count_neurons"),
    script:
        "../scripts/count_neurons.py"


rule pool_area:
    input:
        recordings=lambda _: expand(f"{RESULTS}/recordings/{{recording}}.npz", recording=recordings()),
        neurons=f"{RESULTS}/tables/neurons.parquet",
        stimuli=f"{RESULTS}/stimuli.npz",
    output:
        f"{RESULTS}/populations/{{area}}.npz",
    log:
        f"{RESULTS}/logs/pool_area/{{area}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        recordings=lambda _: recordings(),
        score_on=PRESET["score_on"],
        code=code("pool_area"),
    script:
        "../scripts/pool_area.py"


rule compute_rdms:
    input:
        f"{RESULTS}/populations/{{area}}.npz",
    output:
        f"{RESULTS}/rdms/{{area}}.npz",
    log:
        f"{RESULTS}/logs/compute_rdms/{{area}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        min_neurons=config["selection"]["min_neurons"],
        code=code("compute_rdms"),
    script:
        "../scripts/compute_rdms.py"


rule estimate_ceilings:
    input:
        recordings=lambda _: expand(f"{RESULTS}/recordings/{{recording}}.npz", recording=recordings()),
        neurons=f"{RESULTS}/tables/neurons.parquet",
        population=f"{RESULTS}/populations/{{area}}.npz",
        stimuli=f"{RESULTS}/stimuli.npz",
    output:
        f"{RESULTS}/ceilings/{{area}}.parquet",
    log:
        f"{RESULTS}/logs/estimate_ceilings/{{area}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **config["reliability"],
        recordings=lambda _: recordings(),
        score_on=PRESET["score_on"],
        min_neurons=SELECTION["min_neurons"],
        penalty=config["method"]["penalty"],
        selection=SELECTED,
        code=code("estimate_ceilings"),
    script:
        "../scripts/estimate_ceilings.py"


rule sweep_thresholds:
    input:
        recordings=lambda _: expand(f"{RESULTS}/recordings/{{recording}}.npz", recording=recordings()),
        neurons=f"{RESULTS}/tables/neurons.parquet",
        stimuli=f"{RESULTS}/stimuli.npz",
    output:
        f"{RESULTS}/thresholds/{{area}}.parquet",
    log:
        f"{RESULTS}/logs/sweep_thresholds/{{area}}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **config["thresholds"],
        recordings=lambda _: recordings(),
        seed=config["reliability"]["seed"],
        correction=SELECTION["correction"],
        score_on=PRESET["score_on"],
        min_neurons=SELECTION["min_neurons"],
        code=code("sweep_thresholds"),
    script:
        "../scripts/sweep_thresholds.py"


rule gather_areas:
    input:
        expand(f"{RESULTS}/{{{{table}}}}/{{area}}.parquet", area=DATASET.areas),
    output:
        f"{RESULTS}/tables/{{table}}.parquet",
    log:
        f"{RESULTS}/logs/gather_areas/{{table}}.log",
    wildcard_constraints:
        table="ceilings|thresholds",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=DATASET.areas,
        code=code("gather_areas"),
    script:
        "../scripts/gather_areas.py"


rule measure_neurons:
    input:
        populations=expand(f"{RESULTS}/populations/{{area}}.npz", area=DATASET.areas),
        stimuli=f"{RESULTS}/stimuli.npz",
    output:
        f"{RESULTS}/units.parquet",
    log:
        f"{RESULTS}/logs/measure_neurons.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **{key: config["mousenet"]["units"][key] for key in ("seed", "negative")},
        areas=DATASET.areas,
        code=code("measure_neurons"),
    script:
        "../scripts/measure_neurons.py"
