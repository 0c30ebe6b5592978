# `make demo` (DICOM to report on the built-in digital cohort), `make index DICOM=FOLDER` (your own), `make audit`,
# `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= 2
RESULTS ?= results/index
KEY ?= config/identity.key
CONFIG ?= config/config.yaml
BIN := .venv/bin
TORCH := $(shell grep '^torch==' envs/run.lock)

.PHONY: demo index review review-page learn audit test lint format lock venv federation clean

demo: venv
	$(BIN)/snakemake -c$(CORES) --configfile config/demo/config.yaml
	@echo "The report: results/demo/report/report.html and report.pdf"

# Propose the tables of a cohort from any tree of DICOM files: make index DICOM=FOLDER. A PACS is asked with
# DICOM='dicomweb+https://...' and the options of scripts/fetch_dicom.py in PACS='...'; docs/how-to/pacs.md.
index: export DICOM := $(DICOM)
index: IN_PACS = $(findstring ://,$(DICOM))
index: TREE = $(if $(IN_PACS),pacs/index,$(DICOM))
index: venv
	@$(if $(IN_PACS),printenv DICOM | $(BIN)/python scripts/fetch_dicom.py --source - --folder "$(TREE)" $(PACS))
	@test -d "$(TREE)" || { echo "No folder '$(TREE)'. Say which: make index DICOM=FOLDER"; exit 2; }
	@$(BIN)/snakemake -c1 --quiet all --forceall -s rules/index.smk --config dicom="$(TREE)" results="$(RESULTS)" key="$(KEY)"

# Whether the results of a run are as they were recorded: make audit CONFIG=config/demo/config.yaml
audit: venv
	$(BIN)/python scripts/audit.py --configfile $(CONFIG) verify

# Look at each case of a run, accept, correct or reject it: make review RATER=anna CONFIG=config/demo/config.yaml
review: venv
	@test -n "$(RATER)" || { echo "Who reviews? make review RATER=NAME CONFIG=FILE"; exit 2; }
	@$(BIN)/python scripts/review_cases.py --rater "$(RATER)" --configfile "$(CONFIG)"

# The same without a server, read-only: a folder whose review.html opens in a browser; scripts/import_decisions.py takes
# the decisions that it exports.
review-page: venv
	$(BIN)/snakemake -c$(CORES) --configfile $(CONFIG) review_page

# Make the model better by what was accepted and corrected: make learn CONFIG=FILE. Its versions:
# scripts/learn_from_corrections.py --configfile FILE --list (or --dry-run, or --roll-back VERSION --reason TEXT).
learn: venv
	@$(BIN)/snakemake -c$(CORES) --quiet all --configfile "$(CONFIG)" learn --forcerun learn
	@$(BIN)/python scripts/learn_from_corrections.py --configfile "$(CONFIG)" --show

test: venv
	$(BIN)/pytest -n $(CORES) --no-loadscope-reorder --cov --cov-report=term

lint: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint --configfile config/demo/config.yaml

format: venv
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/snakefmt Snakefile rules

# What pins.toml asks for, resolved anew; then the files that are made from the configuration model.
lock: venv
	$(BIN)/python envs/lock.py
	$(BIN)/python scripts/write_configuration.py

venv: .venv/made

# torch goes first, by its exact pin: asked for in any other way it brings another build.
.venv/made: envs/run.lock envs/develop.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet -r envs/run.lock -r envs/develop.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Learning across hospitals (docs/how-to/federate.md): Flower and what it needs, which comes before the packages of .venv.
# Nothing else is installed with it: --no-deps, for the lock names all but uv, by which Flower would install at run time.
federation: .venv-federation/made

.venv-federation/made: envs/federation.lock .venv/made
	$(PYTHON) -m venv --clear .venv-federation
	.venv-federation/bin/pip install --quiet --no-deps -r envs/federation.lock
	$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(%r)' % sysconfig.get_path('purelib'))" \
		> "$$(.venv-federation/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/venv.pth"
	touch $@

clean:
	rm -rf .venv .venv-federation .snakemake results/demo build src/*.egg-info
