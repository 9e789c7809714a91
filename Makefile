# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WORK   ?= work

.PHONY: demo test sheet-test state-test cell-test rights-test fault-test cluster cluster-test crash-test crash-plants schedule-test month-test replay-test security-test security-faults mutation-test fuzz sbom check lock install clean bench

demo: install  ## a made-up country of 20,000 households: files in, model trained, one night, queues out
	$(BIN)/blindspot demo --work $(WORK)

test: install  ## all tests, under 8 minutes on 2 cores
	$(BIN)/pytest -n 2 --dist loadfile

sheet-test: install  ## 1,000 sheets as people and Excel send them back, 10,000 cells that would compute; two minutes
	SHEETS=1000 FORMULAS=10000 $(BIN)/pytest tests/alerts/test_cells.py tests/alerts/test_returned.py tests/alerts/test_workbook.py

state-test: install  ## 2,000 histories of weeks of nights, about 9 minutes
	STATE_SEQUENCES=2000 $(BIN)/pytest --timeout=3600 tests/alerts/test_nights.py

cell-test: install  ## 3,000 made-up tables with small counts hidden: a solver must not find one; some 10 minutes
	SMALL_CELL_TABLES=1000 SMALL_CELL_PLACES=4 $(BIN)/pytest --timeout=3600 tests/alerts/test_small_cells.py

rights-test: install  ## nights and a training after a stop and a correction, then all that is too old destroyed; 200 countries for k; 6 minutes
	COUNTRIES=200 $(BIN)/pytest tests/features/test_anonymous.py
	RIGHTS=1 $(BIN)/pytest --timeout=1800 tests/whole/test_rights.py

fault-test: install  ## breaks the rules of the queue one at a time: each must turn the histories red; 4 minutes
	$(BIN)/python tests/alerts/faults.py

cluster: install  ## one night on a Dask cluster of this machine and without it: the same bytes; two minutes
	$(BIN)/python benchmarks/cluster.py show

cluster-test: install  ## 20 nights, in each of which one of two workers is killed; over object storage; trainings; 15 minutes
	$(BIN)/python benchmarks/cluster.py kill --runs 20
	$(BIN)/python benchmarks/cluster.py kill --runs 2 --s3
	$(BIN)/python benchmarks/cluster.py train --households 10000

crash-test: install  ## nights killed at every commit point and at 100 moments, and starved of disk, memory, database; an hour
	$(BIN)/python benchmarks/crashes.py

crash-plants: install  ## breaks the product on purpose, one way at a time: the kills must find each; 10 minutes
	$(BIN)/python benchmarks/crashes.py --plants

schedule-test: install  ## Prefect's real server, worker and scheduler: a cron run comes by itself, and all of it ends; 6 minutes
	SERVE=1 $(BIN)/pytest tests/whole/test_serve.py tests/whole/test_told_to_prefect.py

month-test: install  ## a month of scheduled nights with 27 faults, on SQLite and on PostgreSQL; needs root for mounts; an hour
	$(BIN)/python -m benchmarks.month
	$(BIN)/python -m benchmarks.month --postgres

replay-test: install  ## ten past nights worked again byte for byte, everything deleted and restored in between; 2 minutes
	$(BIN)/python benchmarks/again.py

security-test: install  ## the twelve tests of docs/security-tests.md with all their counts; hours
	$(BIN)/python tests/security/twelve.py

security-faults: install  ## breaks what guards personal data, one place at a time: each must turn its test red; 10 minutes
	$(BIN)/python tests/security/faults.py

mutation-test: install  ## changes every line of the modules that hold keys, names and logs; 80 % must be noticed; an hour
	$(BIN)/python tests/security/mutate.py --least 80

MINUTES ?= 10
fuzz: install  ## atheris on each parser, MINUTES each; Linux on x86-64
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --upgrade --target $(VENV)/fuzz -r requirements-fuzz.lock
	PYTHONPATH=$(VENV)/fuzz $(BIN)/python tests/security/fuzz.py --minutes $(MINUTES)

sbom: install  ## dist/sbom.cdx.json, CycloneDX 1.6: what is locked and installed
	$(BIN)/python tests/security/sbom.py dist/sbom.cdx.json

check: install  ## lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(VENV)/.installed

# Only what the lock names, each file checked against its hash. A first attempt without Debian's python3-venv leaves an
# environment without pip: made again.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	$(BIN)/python -c 'import models.boosting' || { echo 'LightGBM needs OpenMP: apt-get install libgomp1, then make install again'; exit 1; }
	touch $@

lock:  ## resolve pyproject.toml again into requirements.lock (needs `uv`)
	uv pip compile pyproject.toml --extra dev --extra lab --extra cluster --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(WORK) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
