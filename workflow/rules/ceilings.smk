"""How good a prediction could be, and what the limit of reliability does to the populations."""


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
