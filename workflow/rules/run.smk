"""Around a run: results are checked and locked before it, its progress is told, and what it costs, before and after."""

from datetime import UTC, datetime
from types import SimpleNamespace

from snakemake.io import IOFile
from snakemake.logging import logger
from snakemake.persistence.file import FilePersistence
from snakemake.settings.enums import PersistenceBackend, Quietness

from dormouse.run.costs import forecast, job_table, summary
from dormouse.run.folder import record_run, results_folders
from dormouse.run.lock import is_locked, lock_results
from dormouse.run.progress import announce, follow
from dormouse.run.provenance import COMMIT, commit, read_records
from dormouse.run.records import UNKNOWN, to_make_again

RECORDS = Path(".snakemake/metadata")  # Snakemake's own
STARTED = datetime.now(UTC).isoformat(timespec="milliseconds")
QUIET = set(workflow.output_settings.quiet or ()) & {Quietness.ALL, Quietness.PROGRESS}


@in_one_line()
def check_results():
    """Have Snakemake make again each result that is damaged, or has no record, which it would not notice.

    Raises InputError where there are results and no records at all: to make all of them again may take days.
    """
    if workflow.workflow_settings.persistence_backend != PersistenceBackend.FILE:
        return
    if is_locked("results"):  # a run records results now, and this one will not start
        return
    ours = [rule for rule in workflow.rules if Path(rule.snakefile).absolute().is_relative_to(ROOT)]
    again = to_make_again("results", [output.regex() for rule in ours for output in rule.output], RECORDS)
    for reason, files in again.items():
        shown = ", ".join(files[:3]) + f" and {len(files) - 3} more" * (len(files) > 3)
        kept = " `--touch` would keep it." if reason == UNKNOWN else ""
        logger.warning(f"Made again, because {reason}: {shown}.{kept}")
        # as a killed job leaves its results, for --rerun-incomplete
        FilePersistence(nolock=True).started(SimpleNamespace(output=[IOFile(file) for file in files]))


def to_do():
    """Return the jobs that are to be done."""
    return [job for job in workflow.dag.needrun_jobs() if not job.rule.norun]


def sections():
    """Return the section of every job that is to be done, by its number."""
    names = {workflow.dag.jobid(job): Path(job.rule.snakefile).stem for job in to_do()}
    return {number: {"allen": "recordings"}.get(name, name) for number, name in names.items()}


def costs():
    """Return what the run will do and what that costs, as lines of text."""
    originals = {model: spec for model, spec in MODELS.items() if spec["stimulus_set"] == ORIGINAL}
    n_parameters = dict(zip(model_rows.model, model_rows.n_parameters.astype(int)))
    return forecast(
        [(job.rule.name, next(iter(job.wildcards), "")) for job in to_do()],
        {Path(file).name: n_parameters.get(model, 0) for model, spec in originals.items() for file in weight_files(spec)},
        len(KERNELS),
        N_IMAGES,
        is_address(DATASET.source),
        read_records(results_folders(RESULTS)),
    )


def at_the_end():
    """Return the slowest jobs of the run and its peak memory, as lines of text."""
    return [] if QUIET else summary(job_table(read_records(results_folders(RESULTS))), STARTED)


# from here on no other run may work in this folder
onstart:
    with in_one_line():
        lock_results("results")
        record_run(RESULTS, RUN_OF)
    os.environ[COMMIT] = commit(ROOT)
    if not (QUIET or workflow.output_settings.verbose or workflow.output_settings.printshellcmds):
        follow(logger, sections)


onsuccess:
    from dormouse.run.crate import write_crate

    write_crate(RESULTS)
    for line in at_the_end():
        logger.info(line)


onerror:
    for line in at_the_end():
        logger.info(line)


if workflow.is_main_process:
    check_results()
    if not QUIET:
        announce(logger, costs)
