"""Made-up recordings of session B: what is known of each, what was shown when, and how the cells respond."""

from dataclasses import dataclass

import numpy as np

SESSION_A, SESSION_B = "three_session_A", "three_session_B"
PIPELINE = "processing/brain_observatory_pipeline"
STACK = "stimulus/templates/natural_scenes_image_stack/data"
SCENES, GRATINGS, MOVIE, GREY = "natural_scenes", "static_gratings", "natural_movie_one", "spontaneous"
COURSE = (GRATINGS, SCENES, GREY, SCENES, GRATINGS, MOVIE, GRATINGS, SCENES)  # of a session B
FRAME_S, FIRST_S = 1 / 30, 8.7
STEP_FRAMES = {SCENES: 7.5, GRATINGS: 7.5, MOVIE: 1.0}  # from one onset to the next
SHOWN_FRAMES = {SCENES: 7, GRATINGS: 7, MOVIE: 1}
NOISE_SD, TRIAL_SHAPE = 0.1, 8.0  # dF/F; of the gamma distribution of single trials
STORAGE = {"contiguous": {}, "chunked": {"chunks": (4, 2048)}, "gzip": {"chunks": (4, 2048), "compression": "gzip"}}
FIRST_EXPERIMENT, FIRST_CONTAINER, FIRST_CELL, FIRST_FILE = 501_000_000, 511_000_000, 517_000_000, 514_000_000


@dataclass(frozen=True)
class Published:
    """A recording as the service lists it."""

    id: int
    container: int
    area: str
    animal: str
    depth_um: int = 175
    cre_line: str = "Cux2-CreERT2"
    failed: bool = False  # its container
    session_type: str = SESSION_B
    events: bool = True
    first_cell: int = 0  # of those of its container; sessions of one container share the cells that both have


@dataclass(frozen=True)
class Options:
    """Size of a file and how it deviates from the usual one; the default is small enough to be written in no time."""

    n_cells: int = 12
    n_trials: int = 4
    n_scenes: int = 118
    scene_shape: tuple[int, int] = (12, 16)
    n_frames: int | None = None  # as many as it takes
    n_gratings: int = 60
    movie: tuple[int, int, int] = (9, 6, 8)  # frames, height, width; shown ten times
    grey_frames: int = 300
    gap_frames: int = 60  # between blocks; more than 15, by which AllenSDK tells them apart
    roi_px: int = 32
    storage: str = "contiguous"  # of the traces: contiguous, chunked or gzip
    sparse: bool = False  # leave holes instead of what is big: fluorescence, templates but that of image 0, the movie
    template_dtype: str = "uint8"
    scenes: bool = True
    demixed: bool = True
    pupil: bool = True
    pipeline: str | None = "3.0"  # before 2.0 the neuropil is elsewhere and nothing is demixed; None: no version in the file
    running_column: bool = False  # (n, 1)
    running_from: int = 0  # first two-photon frame with a running speed; the table begins there
    running_missing: int = 0  # first frames of the table that are NaN
    sorted_ids: bool = True
    last_runs_past: bool = False  # the recording ends in the middle of the last presentation


SMALL = Options()
FULL = Options(
    n_cells=100,
    n_trials=50,
    scene_shape=(918, 1174),
    n_frames=114_000,
    n_gratings=6000,
    movie=(900, 304, 608),
    grey_frames=9000,
    gap_frames=300,
    roi_px=512,
)


def cell_ids(recording: Published, cells: np.ndarray) -> np.ndarray:
    """Return the ids of cells that are counted within their container."""
    return FIRST_CELL + 1000 * (recording.container - FIRST_CONTAINER) + 7 * cells


def responsive(cells: np.ndarray) -> np.ndarray:
    """Return whether cells answer to images; every sixth does not."""
    return cells % 6 != 5


def runs_modulated(cell: int) -> float | None:
    """Return what the service says of a cell: p of the modulation by running, which it does not know for every fifth."""
    return None if cell % 5 == 4 else (0.001 if cell % 2 else 0.5)


def scene_images(options: Options) -> np.ndarray:
    """Return the natural scenes, (n_scenes, height, width) uint8: the same in all recordings."""
    return np.random.default_rng(118).integers(0, 256, (options.n_scenes, *options.scene_shape), np.uint8)


def presentations(options: Options, rng: np.random.Generator) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], int]:
    """Return what was shown and from which frame on, by stimulus, and the number of frames."""
    orders = [rng.permutation(np.arange(-1, options.n_scenes)) for _ in range(options.n_trials)]
    features = [np.arange(0, 180, 30), [0.02, 0.04, 0.08, 0.16, 0.32], [0, 0.25, 0.5, 0.75]]
    gratings = np.stack([rng.choice(values, options.n_gratings) for values in features], axis=1).astype(float)
    gratings[::30] = np.nan  # grey screens
    blocks = {
        SCENES: iter(np.array_split(np.concatenate(orders), COURSE.count(SCENES))),
        GRATINGS: iter(np.array_split(gratings, COURSE.count(GRATINGS))),
        MOVIE: iter([np.tile(np.arange(options.movie[0]), 10)]),
        GREY: iter([np.array([1, -1], np.int8)]),
    }
    frame, found = options.gap_frames, {}
    for name in COURSE if options.scenes else [name for name in COURSE if name != SCENES]:
        data = next(blocks[name])
        start = (frame + np.arange(len(data)) * STEP_FRAMES.get(name, options.grey_frames)).astype(int)
        found.setdefault(name, []).append((data, start))
        frame = int(start[-1]) + SHOWN_FRAMES.get(name, 0) + options.gap_frames
    shown = {name: tuple(map(np.concatenate, zip(*parts, strict=True))) for name, parts in found.items()}
    if options.last_runs_past:
        return shown, frame - options.gap_frames - 4
    assert options.n_frames is None or options.n_frames >= frame, f"the stimuli take {frame} frames"
    return shown, options.n_frames or frame


def responses(
    shown, cells: np.ndarray, n_frames: int, options: Options, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return dF/F and the magnitude of events, both (n_cells, n_frames) float32: a gain for each cell and image, and noise."""
    images, start = shown or (np.empty(0, int), np.empty(0, int))
    gain = rng.gamma(1.0, 0.3, (len(cells), options.n_scenes + 2)).astype(np.float32) * responsive(cells)[:, None]
    gain[:, options.n_scenes :] = 0  # the blank, and no scene at all
    amplitude = rng.gamma(TRIAL_SHAPE, 1 / TRIAL_SHAPE, len(images)).astype(np.float32)
    stimulus, size = np.full(n_frames, options.n_scenes + 1), np.zeros(n_frames, np.float32)
    for frame in range(SHOWN_FRAMES[SCENES]):
        inside = start + frame < n_frames
        stimulus[start[inside] + frame] = np.where(images == -1, options.n_scenes, images)[inside]
        size[start[inside] + frame] = amplitude[inside]
    signal = gain[:, stimulus] * size
    onsets = np.zeros_like(signal)
    onsets[:, start] = signal[:, start] * (signal[:, start] > 2 * NOISE_SD)
    return signal + NOISE_SD * rng.standard_normal(signal.shape, dtype=np.float32), onsets
