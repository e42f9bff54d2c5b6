"""From recordings to the reliable neurons of each area, their RDMs and their noise ceilings."""

if DATASET.name == "allen":

    include: "allen.smk"


if DATASET.name == "demo":

    include: "demo.smk"


if DATASET.kind == "responses":

    include: "populations.smk"

else:

    include: "similarity.smk"


rule read_stimuli:
    input:
        lambda _: DATASET.images or expand(DATASET.recording_path, recording=recordings()[:1]),
    output:
        f"{RESULTS}/stimuli.npz",
    log:
        f"{RESULTS}/logs/read_stimuli.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        reader=DATASET.reader,
        blank=config["stimuli"]["blank"],
        code=code("read_stimuli"),
    script:
        "../scripts/read_stimuli.py"
