# `make` lists the targets. All that is installed goes into .venv; nothing outside this folder is changed.
# The demo and the tests do their own set-up, and repeat it only when pyproject.toml or constraints.txt change.
#
# .venv/.train and .venv/.dev say which extras .venv holds, and for which folder it was made. They are taken away
# before anything is installed and come back at the end: a set-up that was interrupted starts anew, from nothing.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --progress-bar off -c constraints.txt  # -qq: errors only
LOCKED := $(BIN)/python -m pip install -qq --progress-bar off --require-hashes --no-deps -r
TORCH := $(shell sed -n '/^torch==/p' constraints.txt)
RUN := runs/demo

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HUB_OFFLINE := 1
export OMP_NUM_THREADS := 1
unexport PYTHONPATH PYTHONHOME

# A .venv whose Python is gone, or that was moved or copied here with its folder, counts as none.
ifneq ($(shell test -x $(BIN)/python && cat .venv/.train 2>/dev/null),$(CURDIR))
$(shell rm -f .venv/.train)
endif

.PHONY: help demo test check fix pins locks clean newest clients fuzz guided audit sbom bench bench-dedup bench-curate

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 13

demo: .venv/.train ## curate the sample logs, train the tiny model on them, and say where the report is
	$(BIN)/siftune run samples/shop_zh.csv samples/telecom_en.jsonl samples/cot.jsonl \
	  -c samples/recipe.yaml --model tiny -o $(RUN) --force
	@echo "demo: open $(CURDIR)/$(RUN)/report.html"

test: check ## lint, types, and the whole test suite
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

check: .venv/.dev ## lint and types only
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fix: .venv/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

fuzz: .venv/.dev ## hostile logs through the whole engine, for minutes
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest -m fuzz

# atheris is in no extra: it is for Linux and few Pythons, and lies beside .venv, not in it.
guided: .venv/.dev ## a search for input that breaks us, guided by coverage: an hour, of which files are half
	@test -e .cache/atheris/atheris || $(BIN)/python -m pip install -qq --target .cache/atheris 'atheris>=3,<4'
	for what in recipe toml pack; do PYTHONPATH=.cache/atheris $(BIN)/python tests/guided.py $$what || exit; done
	PYTHONPATH=.cache/atheris $(BIN)/python tests/guided.py files -max_total_time=1800

# What `pip install` brings to somebody today, in place of the pins; on another Python with `make PYTHON=… newest`.
newest: ## curation's tests with the newest releases of everything, without torch
	@$(FIND_PYTHON); rm -rf .cache/newest && "$$python" -m venv .cache/newest && .cache/newest/bin/python --version
	.cache/newest/bin/python -m pip install -qq --progress-bar off '.[cluster,fast,langid,review,simplified,xlsx]' \
	  hypothesis httpx2 jsonschema pytest pytest-xdist
	.cache/newest/bin/python -m pytest -n auto --maxprocesses 4 --dist worksteal tests/curation tests/test_rules.py

clients: .venv/.train ## load the sample run with the trainers' own loaders (makes their environments: 6 GB)
	$(BIN)/python benchmarks/clients/run.py

clean: ## remove .venv, the demo's run, caches and builds
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build $(RUN)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

bench: bench-dedup bench-curate ## every figure of speed and memory in docs/performance.md, half an hour: nothing else should run
	$(BIN)/python benchmarks/read.py
	$(BIN)/python benchmarks/judge.py --rows 1000000
	$(BIN)/python benchmarks/whole.py --rows 100000 1000000 5000000
	$(BIN)/python benchmarks/review.py

bench-dedup: .venv/.dev ## deduplication beside its peers, where .cache/peers has them (benchmarks/dedup.py says how)
	$(BIN)/python benchmarks/dedup.py
	$(BIN)/python benchmarks/dedup.py --grow --texts 1000000 --runs 3 --slow-runs 1

bench-curate: .venv/.dev ## a curation beside its peers, where .cache/peers has them (benchmarks/curate.py says how)
	$(BIN)/python benchmarks/curate.py

# Asks the vulnerability database of PyPI, so it needs the internet and is no part of `make test`. Strict: what the
# database does not answer for is a failure.
audit: ## known vulnerabilities of what is pinned (needs the internet)
	@$(FIND_PYTHON); test -x .cache/audit/bin/pip-audit || { "$$python" -m venv .cache/audit && \
	  .cache/audit/bin/python -m pip install --quiet 'pip-audit>=2.10,<3'; }
	.cache/audit/bin/pip-audit --strict -r constraints.txt --no-deps --disable-pip

# Of what .venv holds, with versions and licences: made from a fresh set-up for training, it is what users install, and
# after one for development it has our tools in it, too.
sbom: .venv/.train ## write the bill of materials (CycloneDX) of what .venv holds: dist/sbom.cdx.json
	@$(FIND_PYTHON); test -x .cache/sbom/bin/cyclonedx-py || { "$$python" -m venv .cache/sbom && \
	  .cache/sbom/bin/python -m pip install --quiet 'cyclonedx-bom>=7,<8'; }
	@mkdir -p dist
	.cache/sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON \
	  --output-file dist/sbom.cdx.json $(BIN)/python

# --- set-up --------------------------------------------------------------------------------------------------------

# The newest of the usual names is not wanted, the first that will do is: `python3` when it is new enough.
FIND_PYTHON = for python in $(or $(PYTHON),python3 python3.12 python3.11 python3.13 python3.14) none; do \
	  "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	if [ "$$python" = none ]; then \
	  echo "set-up: there is no Python of 3.11 or newer with venv here. On Debian: apt-get install python3-venv;" \
	    "elsewhere: make PYTHON=/path/to/python3.12 …" >&2; \
	  exit 1; \
	fi

# torch goes first and pinned: what asks for torch later is then content with it, whichever build (CPU, CUDA) it is. All
# else is installed from the files of hashes in .ci: what the index serves is what was tested, or nothing is installed. The
# last step finds everything there, but on other systems and Pythons, which may need a package more.
.venv/.train: pyproject.toml constraints.txt .ci/train.lock
	@if [ -e $@ ]; then \
	  echo "set-up: pyproject.toml or constraints.txt changed, bringing .venv up to date"; \
	  rm -f .venv/.train .venv/.dev; \
	else \
	  $(FIND_PYTHON); \
	  echo "set-up: making .venv with $$("$$python" --version)"; \
	  rm -rf .venv && "$$python" -m venv .venv; \
	fi
	@echo "set-up: installing $(TORCH) (a minute or more)"
	@$(PIP) '$(TORCH)'
	@echo "set-up: installing siftune with the train extra (a minute or more)"
	@$(LOCKED) .ci/train.lock
	@$(PIP) -e '.[train]'
	@echo '$(CURDIR)' > $@

.venv/.dev: .venv/.train .ci/dev.lock
	@echo "set-up: installing the dev extra"
	@rm -f .venv/.train
	@$(LOCKED) .ci/dev.lock
	@$(PIP) -e '.[train,dev]'
	@echo '$(CURDIR)' > .venv/.train
	@touch $@

# Renewed by hand, now and then, and committed only with a green `make test` on it. What torch brings for CUDA is left
# out: it belongs to the build of torch, not to us.
pins: ## renew constraints.txt and the hashes in .ci from the newest releases that pyproject.toml admits; torch stays
	@$(FIND_PYTHON); rm -rf .cache/pins; "$$python" -m venv .cache/pins
	.cache/pins/bin/python -m pip install --quiet '$(TORCH)'
	.cache/pins/bin/python -m pip install --quiet '.[train]'
	@$(FREEZE) | sed '/^torch==/d' > .cache/pins/train.in
	.cache/pins/bin/python -m pip install --quiet '.[train,dev]'
	@sed -n '/^#/p' constraints.txt > .cache/pins.txt
	@$(FREEZE) >> .cache/pins.txt
	@mv .cache/pins.txt constraints.txt
	@$(MAKE) locks
	@rm -rf .cache/pins

FREEZE = .cache/pins/bin/python -m pip freeze --all --exclude siftune --exclude pip \
	  | sed -e 's/^\(torch==[^+]*\)+.*/\1/' -e '/^nvidia-/d' -e '/^cuda-/d' -e '/^triton==/d'
HASHED = .cache/uv/bin/uv pip compile --quiet --no-deps --generate-hashes --no-header --no-annotate --universal \
	  --python-version 3.11 --output-file

# Of every file of a release, for any system and Python. Which of the pins are for training: .cache/pins/train.in, where
# `make pins` comes from, else those that are in .ci/train.lock by name.
locks: ## renew the hashes in .ci from constraints.txt: after a pin was added or changed by hand
	@$(FIND_PYTHON); test -x .cache/uv/bin/uv || { "$$python" -m venv .cache/uv && .cache/uv/bin/python -m pip install -qq uv; }
	@mkdir -p .cache/pins; test -e .cache/pins/train.in || \
	  sed -n -e '/==/!d; s/==.*/==/; s/-/[-_.]/g; s/^/^/p' .ci/train.lock | grep -i -f - constraints.txt > .cache/pins/train.in
	@grep -v -e '^#' -e '^torch==' constraints.txt | grep -v -x -F -f .cache/pins/train.in > .cache/pins/dev.in
	@$(HASHED) .ci/train.lock .cache/pins/train.in
	@$(HASHED) .ci/dev.lock .cache/pins/dev.in
	@rm -rf .cache/pins
