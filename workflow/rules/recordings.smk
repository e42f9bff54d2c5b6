"""Read recordings as trials, or the similarities that a data set gives instead."""

if DATASET.name == "allen":

    include: "allen.smk"


if DATASET.name == "demo":

    rule simulate_recordings:
        output:
            expand(DATASET.source, recording=[site.recording for site in simulated_sites()]),
        log:
            f"{RESULTS}/logs/simulate_recordings.log",
        priority: 10
        conda:
            "../../envs/analysis.yaml"
        params:
            **config["demo"],
            code=code("simulate_recordings"),
        script:
            "../scripts/simulate_recordings.py"


if DATASET.kind == "responses":

    rule read_recording:
        # a recording that is read where it is published has no file
        input:
            recording=timeless([DATASET.source]),
            events=DATASET.events,
            described=timeless(DATASET.described_by),
        output:
            f"{RESULTS}/recordings/{{recording}}.npz",
        log:
            f"{RESULTS}/logs/read_recording/{{recording}}.log",
        # so that bad recordings are found before networks run
        priority: 10
        conda:
            "../../envs/analysis.yaml"
        params:
            reader=DATASET.reader,
            address=lambda wildcards: expand(filter(is_address, [DATASET.source]), recording=wildcards.recording),
            response=config["response"],
            described=DATASET.described,
            contents=lambda wildcards: contents(expand([DATASET.source, *DATASET.described_by], recording=wildcards.recording)),
            code=code("read_recording"),
        script:
            "../scripts/read_recording.py"

else:

    rule read_similarity:
        input:
            timeless(DATASET.described_by),
        output:
            f"{RESULTS}/rdms/{GIVEN}/{{area}}.npz",
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
