"""The same files, fetched by AllenSDK into its cache."""


rule build_allensdk:
    output:
        "resources/allen/allensdk.txt",
    log:
        f"{RESULTS}/logs/build_allensdk.log",
    # conda, where it is used, makes the environment, and the script finds itself in it
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
