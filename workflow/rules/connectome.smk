"""The step before MouseNet: its tables made again, from the voxel connectome."""

SOURCES = config["mousenet"]["connectome"]
CONNECTOME = {
    **{f"{factor}.csv.gz": f"{SOURCES['model']}/{factor}.csv.gz" for factor in ("weights", "nodes")},
    **{f"{part}_mask_params.json": f"{SOURCES['model']}/{part}_mask_params.json" for part in ("source", "target")},
    "annotation_100.nrrd": f"{SOURCES['annotation']}/annotation_100.nrrd",
    "structures.json": SOURCES["structures"],
}


rule download_connectome:
    output:
        "resources/connectome/{file}",
    log:
        "results/mousenet/logs/download_connectome/{file}.log",
    wildcard_constraints:
        file="|".join(map(re.escape, CONNECTOME)),
    conda:
        "../../envs/analysis.yaml"
    params:
        address=lambda wildcards: CONNECTOME[wildcards.file],
    script:
        "../scripts/download_connectome.py"


rule measure_connectome:
    input:
        files=expand("resources/connectome/{file}", file=CONNECTOME),
        populations=timeless([str(FOLDER / "populations.tsv")]),
    output:
        populations="results/mousenet/connectome/{indexing}/populations.tsv",
        projections="results/mousenet/connectome/{indexing}/projections.tsv",
    log:
        "results/mousenet/logs/measure_connectome/{indexing}.log",
    wildcard_constraints:
        indexing="published|corrected",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=4000,
    params:
        contents=lambda _: contents([str(FOLDER / "populations.tsv")]),
        code=code("measure_connectome"),
    script:
        "../scripts/measure_connectome.py"
