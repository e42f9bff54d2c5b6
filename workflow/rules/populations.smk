"""From trial responses to populations: read, measure reliability, select neurons, pool them by area."""


rule read_recording:
    input:
        recording=DATASET.recording_path,
        described=DATASET.described_by,
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
        window_s=config["response"]["window_s"],
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
        code=code("measure_reliability"),
    script:
        "../scripts/measure_reliability.py"


rule select_neurons:
    input:
        lambda _: expand(f"{RESULTS}/reliability/{{recording}}.parquet", recording=recordings()),
    output:
        f"{RESULTS}/tables/neurons.parquet",
    log:
        f"{RESULTS}/logs/select_neurons.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        **config["selection"],
        areas=DATASET.areas,
        code=code("select_neurons"),
    script:
        "../scripts/select_neurons.py"


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
        stimuli=f"{RESULTS}/stimuli.npz",
    output:
        f"{RESULTS}/tables/ceilings.parquet",
    log:
        f"{RESULTS}/logs/estimate_ceilings.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **config["reliability"],
        min_neurons=config["selection"]["min_neurons"],
        code=code("estimate_ceilings"),
    script:
        "../scripts/estimate_ceilings.py"
