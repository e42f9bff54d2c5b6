"""Data sets that give similarities in the place of responses: RSA alone, without neurons or noise ceilings."""


rule read_similarity:
    input:
        timeless(DATASET.described_by),
    output:
        f"{RESULTS}/rdms/{{area}}.npz",
    log:
        f"{RESULTS}/logs/read_similarity/{{area}}.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        described=DATASET.described,
        contents=lambda _: contents(DATASET.described_by),
        code=code("read_similarity"),
    script:
        "../scripts/read_similarity.py"
