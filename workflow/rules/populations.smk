"""From trial responses to populations: read, measure reliability, select neurons, pool them by area."""


rule read_recording:
    # of a recording that is read where it is published, there is no file
    input:
        recording=timeless([DATASET.source]),
        events=DATASET.events,
        described=timeless(DATASET.described_by),
    output:
        f"{RESULTS}/recordings/{{recording}}.npz",
    log:
        f"{RESULTS}/logs/read_recording/{{recording}}.log",
    # bad recordings shall be found before networks run
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        reader=DATASET.reader,
        address=lambda wildcards: expand(filter(is_address, [DATASET.source]), recording=wildcards.recording),
        response=config["response"],
        described=DATASET.described,
        contents=lambda wildcards: contents(expand([DATASET.source, *DATASET.described_by], recording=wildcards.recording)),
        code=code("read_recording"),
    script:
        "../scripts/read_recording.py"


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
