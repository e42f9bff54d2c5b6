"""The images that were shown."""


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
