# Builds what it needs in .venv; nothing is installed anywhere else.
PYTHON ?= python3
CORES ?= all
PROCESSES ?= 3  # two cores: tests of the workflow often wait for Snakemake
VENV := .venv
export PYTHONDONTWRITEBYTECODE :=  # what is imported a thousand times is compiled once
# and what is never imported, not at all, which saves a minute and a half of installing
export PIP_COMPILE := 0
BIN := $(VENV)/bin
# the judge of our reader of recordings; its libraries were built for Python 3.11 and older
ALLENSDK := $(shell $(PYTHON) -c 'import sys; print("resources/allen/allensdk.txt" if sys.version_info < (3, 12) else "")')
PYTEST := $(if $(ALLENSDK),DORMOUSE_ALLENSDK=$$(cat $(ALLENSDK))) HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
  $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder --durations 20
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

# two small networks at a time, on a core each, are quicker than one on two cores
SMALL := --resources gpu=2 --set-threads extract_features=1 train_network=1

# networks of the zoo, of every kind of layer
TEN := alexnet vgg16 resnet18 resnet50 squeezenet1_1 mobilenet_v2 densenet201 vit_small_patch16_224 mixer_b16_224 convnext_tiny

.DEFAULT_GOAL := help
.PHONY: chromium help demo zoo-check test test-all test-allen test-slurm test-gpu lint format docs bench clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/run  ## the whole workflow on simulated recordings, offline, to results/demo/report.html
	HF_HUB_OFFLINE=1 $(BIN)/snakemake --cores $(CORES) --configfile demo.yaml --quiet host $(SMALL)
	@echo "Open results/demo/report.html"

zoo-check: $(VENV)/run  ## every network, random weights, a few images: a table of sizes and what fails; goes on where it stopped
	HF_HUB_OFFLINE=1 $(BIN)/snakemake check_zoo --cores $(CORES) --quiet host

test: lint chromium $(ALLENSDK)  ## lint and tests but for slow ones; those on real data need DORMOUSE_REAL
	$(PYTEST) -m "not slow"

test-all: lint chromium $(ALLENSDK) $(VENV)/cluster  ## all tests, the slow ones too
	$(PYTEST)

test-allen: $(VENV)/dev $(ALLENSDK)  ## the tests of Allen Brain Observatory recordings alone, with the real AllenSDK as judge
	$(PYTEST) -m allen

test-slurm: $(VENV)/cluster  ## the workflow on a real SLURM, which this installs from Debian's packages and starts; needs root
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m slurm --durations 5

test-gpu: $(VENV)/dev  ## on a machine with a GPU, eight minutes at most: its tests, and ten networks against their plain passes
	timeout 480 sh -c '$(BIN)/python -m pytest -m gpu && $(BIN)/python tests/benchmarks/networks.py $(TEN)'

lint: $(VENV)/dev  ## ruff, snakefmt and snakemake's own linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --lint --configfile demo.yaml

format: $(VENV)/dev  ## put the code in its form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/snakefmt Snakefile workflow

docs: $(VENV)/dev  ## the parts of docs that follow from the code
	$(BIN)/python docs/generate.py

bench: $(VENV)/dev  ## timings against peers, printed as tables; two hours, on a quiet machine
	$(BIN)/python tests/benchmarks/extraction.py
	$(BIN)/python tests/benchmarks/networks.py
	$(BIN)/python tests/benchmarks/many_images.py
	$(BIN)/python tests/benchmarks/many_scores.py
	$(BIN)/python tests/benchmarks/projection.py
	$(BIN)/python tests/benchmarks/rsa.py
	$(BIN)/python tests/benchmarks/ridge.py
	$(BIN)/python tests/benchmarks/inference.py
	$(BIN)/python tests/benchmarks/answers.py
	$(BIN)/python tests/benchmarks/scale.py
	$(BIN)/python tests/benchmarks/reliability.py
	$(BIN)/python tests/benchmarks/calibration.py
	$(BIN)/python tests/benchmarks/streaming.py
	$(BIN)/python tests/benchmarks/mousenet.py
	$(BIN)/python tests/benchmarks/report.py

clean:  ## remove the environment and all results
	rm -rf $(VENV) results .snakemake

# a browser for the tests of the report, which are skipped without it; only root of a Debian can install it
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium >/dev/null; } || echo "No chromium: the report is not tested in a browser."

# the files that mark an environment as built for running, and for testing too
$(VENV)/run: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	touch $@

$(VENV)/cluster: $(VENV)/dev
	$(INSTALL) '.[dev,cluster]'
	touch $@

# as the workflow builds it for allen.access: sdk
resources/allen/allensdk.txt: envs/allensdk.yaml | $(VENV)/dev
	$(BIN)/snakemake $@ --cores 1 --quiet all --config dataset=allen 'allen={access: sdk}'
	touch $@

$(VENV)/dev: $(VENV)/run
	$(INSTALL) '.[dev]'
	touch $@
