"""From recordings to the reliable neurons of each area, their RDMs and their noise ceilings."""

if DATASET.name == "allen":

    include: "allen.smk"


if DATASET.name == "demo":

    include: "demo.smk"


if DATASET.kind == "responses":

    include: "populations.smk"
    include: "ceilings.smk"

else:

    include: "similarity.smk"


rule read_stimuli:
    # the images of a data set, or those inside its first recording
    input:
        lambda _: timeless(stimulus_sources()),
    output:
        f"{RESULTS}/stimuli.npz",
    log:
        f"{RESULTS}/logs/read_stimuli.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        reader=DATASET.reader,
        addresses=lambda _: list(filter(is_address, stimulus_sources())),
        blank=config["stimuli"]["blank"],
        background=DATASET.background,
        contents=lambda _: contents(stimulus_sources()),
        code=code("read_stimuli"),
    script:
        "../scripts/read_stimuli.py"
