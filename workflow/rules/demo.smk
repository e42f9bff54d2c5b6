"""Simulated recordings, in the place and layout of real ones."""


rule simulate_recordings:
    output:
        expand(DATASET.source, recording=DATASET.recordings),
    log:
        f"{RESULTS}/logs/simulate_recordings.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        **config["demo"],
        code=code("simulate_recordings"),
    script:
        "../scripts/simulate_recordings.py"
