"""The recordings of the Allen Brain Observatory, as published: fetched here, or by AllenSDK into its cache."""

ALLEN = config["allen"]
WITH_SDK = ALLEN["access"] == "sdk"
TABLES, RECORDINGS = r"ophys_experiments\.json|cell_specimens\.json", r"ophys_experiment_data/\d+\.nwb"
EVENTS = r"ophys_experiment_events/\d+_events\.npz"


rule download_allen:
    output:
        "resources/allen/{file}",
    log:
        f"{RESULTS}/logs/download_allen/{{file}}.log",
    wildcard_constraints:
        file=r"event_files\.json" if WITH_SDK else rf"event_files\.json|{TABLES}|{RECORDINGS}",
    conda:
        "../../envs/analysis.yaml"
    # downloads have no parameters, so neither an edited line nor another mirror makes them fetch hundreds of gigabytes again
    script:
        "../scripts/download_allen.py"


if WITH_SDK:

    rule build_allensdk:
        output:
            "resources/allen/allensdk.txt",
        log:
            f"{RESULTS}/logs/build_allensdk.log",
        # if conda is used, it makes the environment, and the script notices that it runs in it
        conda:
            "../../envs/allensdk.yaml"
        params:
            pins=yaml.safe_load((ROOT / "envs/allensdk.yaml").read_text())["dependencies"][-1]["pip"],
            python=ALLEN["python"],
            code=code("build_allensdk"),
        script:
            "../scripts/build_allensdk.py"

    rule download_with_allensdk:
        input:
            "resources/allen/allensdk.txt",
        output:
            "resources/allen/{file}",
        log:
            f"{RESULTS}/logs/download_with_allensdk/{{file}}.log",
        wildcard_constraints:
            file=f"{TABLES}|{RECORDINGS}|{EVENTS}",
        conda:
            "../../envs/analysis.yaml"
        script:
            "../scripts/download_with_allensdk.py"

else:

    rule download_events:
        input:
            "resources/allen/event_files.json",
        output:
            "resources/allen/ophys_experiment_events/{recording}_events.npz",
        log:
            f"{RESULTS}/logs/download_events/{{recording}}.log",
        conda:
            "../../envs/analysis.yaml"
        script:
            "../scripts/download_events.py"


checkpoint list_recordings:
    input:
        experiments="resources/allen/ophys_experiments.json",
        events=["resources/allen/event_files.json"] if DATASET.events else [],
    output:
        f"{RESULTS}/tables/recordings.parquet",
    log:
        f"{RESULTS}/logs/list_recordings.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        areas=config["areas"],
        filters={key: ALLEN[key] for key in ("include_failed", "cre_lines", "depths_um", "recordings")}
        | {"exclude": config["exclude"]},
        events=bool(DATASET.events),
        code=code("list_recordings"),
    script:
        "../scripts/list_recordings.py"


rule read_cell_metrics:
    input:
        "resources/allen/cell_specimens.json",
    output:
        f"{RESULTS}/tables/cell_metrics.parquet",
    log:
        f"{RESULTS}/logs/read_cell_metrics.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code("read_cell_metrics"),
    script:
        "../scripts/read_cell_metrics.py"
