# Askew. `make help` (the default) lists the targets: every line below with two hashes.
# CONFIG and RUN choose what the stages work on; ZOO takes a network that is trained already (`askew zoo list`).
# Each target calls `askew STAGE`, which also works alone.

CONFIG ?= digits
RUN    ?= $(if $(ZOO),zoo-$(ZOO),$(CONFIG))
STUDY  ?= shift-digits
PYTHON ?= python3
VENV   ?= .venv

ASKEW   = $(VENV)/bin/askew
RUN_DIR = runs/$(RUN)

# What a user gives goes to every stage on the way; what is not given stays as it was.
OPTIONS = $(if $(BOARD),--board '$(BOARD)') $(if $(FPS),--target-fps $(FPS)) $(if $(FOLDING),--folding '$(FOLDING)') \
          $(if $(CLOCK),--clock-mhz $(CLOCK))
# A run that is there keeps its config, unless another is asked for, which is then refused.
ASKED   = $(filter-out file default,$(origin CONFIG))
NEW     = $(if $(wildcard $(RUN_DIR)/config.toml),,yes)
CHOSEN  = $(ZOO)$(filter-out file default,$(origin CONFIG) $(origin RUN))
WHICH   = $(if $(CHOSEN),true,echo 'working on $(RUN_DIR); CONFIG=NAME, ZOO=NAME or RUN=NAME chooses another')
TO      = $(ASKEW) run --run $(RUN_DIR) $(if $(ZOO),--zoo '$(ZOO)' $(if $(ASKED),--config $(CONFIG)),$(if $(NEW)$(ASKED),--config $(CONFIG))) --to

BITSTREAM = $(if $(filter askew,$(FLOW)),pynq bitstream,bitstream)

.DEFAULT_GOAL := help
.PHONY: help setup demo train export simulate ladder report fold rtl rtlsim implement demo-fpga finn-estimate bitstream status study bench doctor docs test test-slow test-docker lint ci clean

help: ## Show this list
	@printf 'usage: make TARGET [CONFIG=%s | ZOO=NAME] [RUN=%s] [BOARD=Pynq-Z2] [FPS=N] [FOLDING=FILE] [CLOCK=MHZ]\n\n' '$(CONFIG)' '$(RUN)'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Make the virtual environment .venv from requirements.lock (every target does it by itself)
	@$(PYTHON) tools/bootstrap.py --venv $(VENV)

demo: setup ## Everything on the embedded digits data, no download: train, export, verify down to the RTL, fold, report
	@$(ASKEW) run --run runs/demo --config digits --to simulate,ladder,rtlsim,report --board Pynq-Z2 --target-fps 1000000 \
	    --set ladder.rungs=reference,qonnx,numpy,numba,plain,rtl
	@echo 'Open runs/demo/report.html. Then try: make report CONFIG=tfc-mnist, make rtlsim RUN=demo FPS=100000, make help'

train: setup ## Train the network of CONFIG into runs/RUN
	@$(WHICH); $(TO) train

export: setup ## Absorb the trained network into integers: model.onnx, network.npz, golden answers
	@$(WHICH); $(TO) export

simulate: setup ## Run the integer network on the test set
	@$(WHICH); $(TO) simulate

ladder: setup ## Hold every rung, from PyTorch downwards, to the golden answers
	@$(WHICH); $(TO) ladder

report: setup ## Write report.html, report.md and report.json of runs/RUN
	@$(WHICH); $(TO) report

fold: setup ## Choose PE and SIMD for BOARD: the most frames/s, or FPS=N in the fewest LUTs, or FOLDING=FILE
	@$(WHICH); $(TO) fold $(OPTIONS)

rtl: setup ## Write the SystemVerilog of the run's network under its folding
	@$(WHICH); $(TO) rtl $(OPTIONS)

rtlsim: setup ## Stream golden frames through the SystemVerilog in Verilator
	@$(WHICH); $(TO) rtlsim $(OPTIONS)

implement: setup ## Place and route our own hardware for BOARD: clock by the router, bitstream; FLOW=ecp5, SEEDS=N
	@$(WHICH); $(TO) implement $(OPTIONS) $(if $(FLOW),--set implement.flow='"$(FLOW)"') $(if $(SEEDS),--set implement.seeds=$(SEEDS))

demo-fpga: setup ## The digits data to a bitstream for a ULX3S-85F, in minutes and with pip alone; its netlist held to golden
	@$(ASKEW) run --run runs/demo-fpga --config digits --to implement,ladder,report --board ULX3S-85F --target-fps 20000 \
	    --set ladder.rungs=numpy,top,routed
	@echo 'Load it: openFPGALoader --board=ulx3s runs/demo-fpga/fpga/askew_chip.bit, then askew board run --run runs/demo-fpga --port /dev/ttyUSB0'

finn-estimate: setup ## FINN's cycles and resources for BOARD, without Vivado; FOLDING=FILE or FPS=N
	@$(WHICH); $(TO) 'finn estimate' $(OPTIONS)

bitstream: setup ## Build the bitfile for BOARD: FLOW=finn (in docker) or FLOW=askew (our own RTL); FOLDING=FILE or FPS=N, DRY_RUN=1
	$(if $(filter-out finn askew,$(FLOW)),$(error bitstream: FLOW=$(FLOW): must be finn or askew))
	@$(WHICH); $(TO) '$(BITSTREAM)' $(OPTIONS) $(if $(DRY_RUN),--set '$(BITSTREAM).dry_run=true')

status: setup ## Say of every result of runs/RUN whether it is fresh, stale because of what, or missing
	@$(ASKEW) status --run $(RUN_DIR)

study: setup ## Run the study STUDY (a shipped one or a TOML file) into runs/study-NAME
	@$(ASKEW) study --config $(STUDY) --out runs/study-$(basename $(notdir $(STUDY)))

bench: setup ## Measure ours and the peers in one run, as ratios
	@$(ASKEW) bench training --out runs/bench
	@$(ASKEW) bench simulator --out runs/bench
	@$(ASKEW) bench rtl --out runs/bench

doctor: setup ## Say what is installed and what each missing thing would enable
	@$(ASKEW) doctor

docs: setup ## Build the docs site into build/docs: guides, and the reference of commands, config keys and Python API
	@PYTHONPATH=. NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet
	@echo 'docs: build/docs/index.html; to search it too: $(VENV)/bin/python -m http.server -d build/docs'

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
