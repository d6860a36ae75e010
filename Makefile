# `make demo` and `make test` are each complete from a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test fast lint docs pictures bench gpu mutants coverage clean

demo: $(INSTALLED)
	$(BIN)/ranat demo

test: fast
	$(BIN)/pytest -n 2 --dist loadfile -m slow

# Two processes, each with the tests of whole files, as those of a file share what they prepare.
fast: $(INSTALLED)
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Into site/. Any warning is an error, and nothing is fetched.
docs: $(INSTALLED)
	$(BIN)/zensical build --clean --strict

pictures: $(INSTALLED)
	$(BIN)/python benchmarks/pictures.py

bench: $(INSTALLED)
	$(BIN)/python benchmarks/training.py --data $${RANAT_DATA:?names the folder of corpora} --f1 --output benchmarks/training.json

# On a machine with a CUDA device, which has its own torch: nothing is fetched but what is installed.
gpu: $(INSTALLED)
	$(BIN)/python -c "import sys, torch; sys.exit(None if torch.cuda.is_available() else 'no CUDA device was found')"
	$(BIN)/pytest -m gpu tests/gpu
	$(BIN)/python benchmarks/price.py --parts demo "demo base" --output benchmarks/price.json

# Two hours on two cores: what the tests of the training step let pass when its code is changed.
mutants: $(INSTALLED)
	$(BIN)/python benchmarks/mutants.py --output benchmarks/mutants.json

coverage: $(INSTALLED)
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow" --cov --cov-report=term --cov-report=html
	$(BIN)/coverage report --format=total --precision=1 > benchmarks/coverage.txt

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all]" --group dev
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants htmlcov .coverage*
