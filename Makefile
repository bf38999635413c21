# Askew. `make help` (the default) lists the targets: every line below with two hashes.
# CONFIG and RUN choose what the stages work on; each target calls `askew STAGE`, which also works alone.

CONFIG ?= digits
RUN    ?= $(CONFIG)
BOARD  ?= Pynq-Z2
STUDY  ?= shift-digits
PYTHON ?= python3
VENV   ?= .venv

ASKEW   = $(VENV)/bin/askew
RUN_DIR = runs/$(RUN)

FINN_OPTIONS = $(if $(FPS),--target-fps $(FPS)) $(if $(FOLDING),--folding $(FOLDING))

.DEFAULT_GOAL := help
.PHONY: help setup demo train export simulate ladder report fold rtl rtlsim finn-estimate bitstream study bench doctor test test-slow test-docker lint ci clean

help: ## Show this list
	@printf 'usage: make TARGET [CONFIG=%s] [RUN=%s]\n\n' '$(CONFIG)' '$(RUN)'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Make the virtual environment .venv from requirements.lock (every target does it by itself)
	@$(PYTHON) tools/bootstrap.py --venv $(VENV)

demo: ## Everything on the embedded digits data, no download: train, export, verify, report
	@$(MAKE) --no-print-directory report CONFIG=digits RUN=demo

train: setup ## Train the network of CONFIG into runs/RUN
	@$(ASKEW) train --config $(CONFIG) --run $(RUN_DIR)

export: train ## Absorb the trained network into integers: model.onnx, network.npz, golden answers
	@$(ASKEW) export --run $(RUN_DIR)

simulate: export ## Run the integer network on the test set
	@$(ASKEW) simulate --run $(RUN_DIR)

ladder: export ## Hold every rung, from PyTorch downwards, to the golden answers
	@$(ASKEW) ladder --run $(RUN_DIR)

report: simulate ladder ## Write report.html, report.md and report.json of runs/RUN
	@$(ASKEW) report --run $(RUN_DIR)

fold: export ## Choose PE and SIMD for BOARD: the most frames/s, or FPS=N in the fewest LUTs, or FOLDING=FILE
	@$(ASKEW) fold --run $(RUN_DIR) --board $(BOARD) $(or $(strip $(FINN_OPTIONS)),--max-fps)

$(RUN_DIR)/folding.json: | export
	@$(ASKEW) fold --run $(RUN_DIR) --board $(BOARD) $(or $(strip $(FINN_OPTIONS)),--max-fps)

rtl: $(RUN_DIR)/folding.json ## Write the SystemVerilog of the run's network under its folding
	@$(ASKEW) rtl --run $(RUN_DIR)

rtlsim: $(RUN_DIR)/folding.json ## Stream golden frames through the SystemVerilog in Verilator
	@$(ASKEW) rtlsim --run $(RUN_DIR)

finn-estimate: $(RUN_DIR)/folding.json ## Fold for FINN (or FOLDING=FILE, FPS=N); its cycles and resources for BOARD, without Vivado
	@$(ASKEW) finn estimate --run $(RUN_DIR) --board $(BOARD) $(FINN_OPTIONS)

bitstream: $(RUN_DIR)/folding.json ## Build the bitfile for BOARD with FINN and Vivado in docker; FOLDING=FILE or FPS=N, DRY_RUN=1
	@$(ASKEW) bitstream --run $(RUN_DIR) --board $(BOARD) $(FINN_OPTIONS) $(if $(DRY_RUN),--dry-run)

study: setup ## Run the study STUDY (a shipped one or a TOML file) into runs/study-NAME
	@$(ASKEW) study --config $(STUDY) --out runs/study-$(basename $(notdir $(STUDY)))

bench: setup ## Measure ours and the peers in one run, as ratios
	@$(ASKEW) bench training --out runs/bench
	@$(ASKEW) bench simulator --out runs/bench
	@$(ASKEW) bench rtl --out runs/bench

doctor: setup ## Say what is installed and what each missing thing would enable
	@$(ASKEW) doctor

test: setup ## Run the tests
	@OMP_NUM_THREADS=1 $(VENV)/bin/pytest -m 'not slow and not docker' -n auto --dist loadfile

test-slow: setup ## Run the tests that take minutes each
	@$(VENV)/bin/pytest -m slow

test-docker: setup ## Build and run the images of docker/; skipped where no docker daemon answers
	@$(VENV)/bin/pytest -m docker -rs tests/docker

lint: setup ## Check style and types: ruff, mypy --strict; Verilator and slang on every SystemVerilog module
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy
	@$(VENV)/bin/python -m hw.verify.lint

ci: lint test ## What continuous integration runs: lint, then the tests

clean: ## Remove caches; runs and the environment stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
