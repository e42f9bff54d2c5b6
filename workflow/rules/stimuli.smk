"""The images that were shown, in one file for all runs that show the same ones."""


rule read_stimuli:
    # the images of a data set, or those inside its first recording
    input:
        lambda _: timeless(stimulus_sources()),
    output:
        STIMULI,
    log:
        f"{RESULTS}/logs/read_stimuli.log",
    priority: 10
    conda:
        "../../envs/analysis.yaml"
    params:
        reader=DATASET.reader,
        addresses=lambda _: list(filter(is_address, stimulus_sources())),
        blank=config["stimuli"]["blank"] and not DATASET.images,
        background=DATASET.background,
        contents=lambda _: contents(stimulus_sources()),
        code=code("read_stimuli"),
    script:
        "../scripts/read_stimuli.py"


rule describe_stimuli:
    input:
        STIMULI,
    output:
        f"{RESULTS}/tables/stimuli.parquet",
    log:
        f"{RESULTS}/logs/describe_stimuli.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        images=IMAGES,
        described=DESCRIBED,
        code=code("describe_stimuli"),
    script:
        "../scripts/describe_stimuli.py"
