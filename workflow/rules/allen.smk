"""The recordings of the Allen Brain Observatory, as published."""


rule download_allen:
    output:
        "resources/allen/{file}",
    log:
        f"{RESULTS}/logs/download_allen/{{file}}.log",
    wildcard_constraints:
        file=r"ophys_experiments\.json|ophys_experiment_data/\d+\.nwb",
    conda:
        "../../envs/analysis.yaml"
    # no hash of the code here: editing it must not fetch hundreds of gigabytes again
    params:
        address=lambda wildcards: f"{config['allen']['address']}/{wildcards.file}",
    script:
        "../scripts/download_allen.py"


checkpoint list_recordings:
    input:
        "resources/allen/ophys_experiments.json",
    output:
        f"{RESULTS}/tables/recordings.parquet",
    log:
        f"{RESULTS}/logs/list_recordings.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=config["areas"],
        code=code("list_recordings"),
    script:
        "../scripts/list_recordings.py"
