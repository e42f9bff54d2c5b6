"""Weights of networks, fetched where they are published."""


# the submitting machine has access to the internet; cluster jobs may not
localrules:
    download_weights,


rule download_weights:
    output:
        f"{WEIGHTS}/{{file}}",
    log:
        f"{RESULTS}/logs/download_weights/{{file}}.log",
    wildcard_constraints:
        file="|".join(map(re.escape, DOWNLOADS)),
    conda:
        "../../envs/torch.yaml"
    # no hash of the code here: editing it must not fetch all weights again
    params:
        address=lambda wildcards: DOWNLOADS[wildcards.file]["address"],
        sha256=lambda wildcards: DOWNLOADS[wildcards.file]["sha256"],
    script:
        "../scripts/download_weights.py"
