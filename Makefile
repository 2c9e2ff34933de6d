# Two commands for a fresh machine: `make run` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

KERNELS := CMakeLists.txt $(wildcard src/brickwork/native/kernels/*.* src/brickwork/native/kernels/inference/*.*)

.PHONY: run test test-slow check docs native sanitize bench clean

run: $(VENV)/installed  ## train the first network
	$(BIN)/brickwork learn digits

test: $(VENV)/installed-test check  ## lint, types, fast tests
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow"

test-slow: $(VENV)/installed-test  ## what takes longer: accuracy over ten splits, long fuzzing, timings
	$(BIN)/pytest -m slow

check: $(VENV)/installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

native: $(VENV)/installed  ## the kernels in C++, built beside their sources: what is worked on is what runs
	cmake -S . -B build/native -DPython3_EXECUTABLE=$(abspath $(BIN)/python)
	cmake --build build/native --parallel 2
	cmake --install build/native --prefix src

sanitize: $(VENV)/installed-test  ## the tests of the kernels, with every address and undefined operation checked
	cmake -S . -B build/sanitize -DSANITIZE=address,undefined -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DPython3_EXECUTABLE=$(abspath $(BIN)/python)
	cmake --build build/sanitize --parallel 2
	ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		BRICKWORK_CACHE= BRICKWORK_NATIVE_FOLDER=$(abspath build/sanitize) $(BIN)/pytest -m "not slow" -p no:cacheprovider \
		tests/ops/test_kernels.py tests/ops/test_native_recurrent.py tests/ops/test_native_transformer.py tests/inference

bench: $(VENV)/installed-bench  ## speed of training and prediction beside the peers that are installed
	$(BIN)/python -m benchmarks.speed --docs docs/benchmarks.md --plot docs/_static/speed.svg

docs: $(VENV)/installed-docs  ## the reference, in docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Brickwork needs Python 3.11 or newer; say: make run PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml $(KERNELS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/installed-%: pyproject.toml $(KERNELS) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build src/brickwork/native/lib docs/_build .pytest_cache .ruff_cache .hypothesis
