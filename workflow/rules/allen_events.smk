"""Events, which are published by the service alone."""


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
