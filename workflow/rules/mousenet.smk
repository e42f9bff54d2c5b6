"""MouseNet: its anatomy, the connectome from which its tables are measured, and statistics of its units."""

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
        nodes=timeless([str(FOLDER / "nodes.tsv")]),
    output:
        nodes="results/mousenet/connectome/{indexing}/nodes.tsv",
        connections="results/mousenet/connectome/{indexing}/connections.tsv",
    log:
        "results/mousenet/logs/measure_connectome/{indexing}.log",
    wildcard_constraints:
        indexing="published|corrected",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=4000,
    params:
        contents=lambda _: contents([str(FOLDER / "nodes.tsv")]),
        code=code("measure_connectome"),
    script:
        "../scripts/measure_connectome.py"


rule describe_mousenet:
    input:
        lambda wildcards: timeless(anatomy_files(config["mousenet"]["variants"][wildcards.variant])),
    output:
        nodes="results/mousenet/{variant}/nodes.parquet",
        connections="results/mousenet/{variant}/connections.parquet",
    log:
        "results/mousenet/logs/describe_mousenet/{variant}.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        options=lambda wildcards: config["mousenet"]["variants"][wildcards.variant],
        contents=lambda wildcards: contents(anatomy_files(config["mousenet"]["variants"][wildcards.variant])),
        code=code("describe_mousenet"),
    script:
        "../scripts/describe_mousenet.py"


rule measure_units:
    input:
        stimuli=STIMULI,
        weights=lambda wildcards: timeless(weight_files(MODELS[wildcards.model])),
        tables=lambda wildcards: timeless(table_files(MODELS[wildcards.model]["options"])),
    output:
        f"{RESULTS}/units/{{model}}.parquet",
    log:
        f"{RESULTS}/logs/measure_units/{{model}}.log",
    conda:
        "../../envs/torch.yaml"
    params:
        **config["mousenet"]["units"],
        images=IMAGES,
        spec=lambda wildcards: content_key(MODELS[wildcards.model]),
        code=code("measure_units"),
    script:
        "../scripts/measure_units.py"
