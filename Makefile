# The door to everything. `make` alone lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c

PYTHON3 ?= python3
PYTHON311 ?= python3.11
PY := .venv/bin/python
NETWORK ?= $(or $(lastword $(notdir $(patsubst %/,%,$(MODEL)))),signnet)
DATA ?= data
SEED ?= 1
DURATION ?= 10
BOARD_PORT ?= 22
BOARD_USER ?= root
BOARD ?= zcu104
# builtin, or vitis for AMD's real tools; those take VITIS="--release 2.5 --gpu --python ...", see --help.
# Options of quantize alone, of both toolchains: QUANT="--fast-finetune".
TOOLCHAIN ?= builtin
TOOLS = --toolchain $(TOOLCHAIN) $(VITIS)
BUILT := build/models/$(NETWORK)
BY_AMD = vitis/$(if $(filter tf1,$(VITIS)),frozen.pb,quantized/quantized.h5)
QUANTIZED = $(BUILT)/$(if $(filter vitis,$(TOOLCHAIN)),$(BY_AMD),$(NETWORK)_int.xmodel)
# What is trained on: the recipe's sets, or RENDERED=share of hands, or MIX=photos=12000,hands=40000.
MIXED = $(if $(RENDERED),--rendered "$(RENDERED)") $(if $(MIX),--mix "$(MIX)") $(OPTIONS)
# What is streamed: INPUT=..., else a video of test images, or without a data set a rendered camera.
SHOWN = $(or $(INPUT),$(if $(wildcard $(DATA)/* $(filter-out data,$(DATA))),build/signs.avi,hands://HELLO))
# What is evaluated, simulated and measured: MODEL=..., else the model built here, else the released one.
CHOSEN = "$(or $(MODEL),$$(test -f "$(BUILT)/model.json" && echo "$(BUILT)" || echo "models/$(NETWORK)"))"
# Of each network the model built here, else the released one.
BOTH = $$(for n in tutorial signnet; do test -f build/models/$$n/model.json && echo build/models/$$n || echo models/$$n; done)
# Whether one network was asked for: NETWORK=... or MODEL=... was given.
ONE = $(or $(MODEL),$(filter-out file default,$(origin NETWORK)))
# Before that: what was trained here but not yet compiled is compiled; never AMD's work with the builtin tools.
STALE = [ ! -f "$(BUILT)/model.json" ] || [ "$(BUILT)/float.keras" -nt "$(BUILT)/model.json" ] || [ "$(BUILT)/$(NETWORK)_int.xmodel" -nt "$(BUILT)/model.json" ]
BY_VITIS = { cat "$(BUILT)/model.json" "$(BUILT)/quantize.json" 2>/dev/null || true; } | grep -A1 '"toolchain": {' | grep '"name": "vitis"' >/dev/null
define FRESH
if [ -z "$(MODEL)" ] && [ -f "$(BUILT)/float.keras" ] && { $(STALE); }; then
	if [ "$(TOOLCHAIN)" != vitis ] && { $(BY_VITIS); }; then
		echo "error: model of AMD's tools must be newer than what it is made from, got an older one or none in $(BUILT); run make quantize compile TOOLCHAIN=vitis (or make quantize compile for the builtin tools)" >&2
		exit 1
	fi
	$(MAKE) --no-print-directory "$(BUILT)/model.json"
fi
endef
# With TOOLCHAIN=vitis: whether its tools are here is asked before anything takes long.
TOOLS_HERE = $(if $(filter vitis,$(TOOLCHAIN)),$(if $(filter --only%,$(VITIS)),,$(PY) -m host quantize $(BUILT) $(TOOLS) --only check))
# With MODEL=...: the float network of that folder is what is quantized here, no other.
define TAKEN
if [ -n "$(MODEL)" ] && ! cmp -s "$(MODEL)/float.keras" "$(BUILT)/float.keras"; then
	echo "error: $(BUILT) must hold the float.keras of $(MODEL), got another; say NETWORK=NAME for another folder in build/models, or leave out MODEL=" >&2
	exit 1
fi
endef
# Which board: BOARD_IP=..., or INVENTORY=boards.ini for many; SET="board_input=1 ..." goes before the inventory.
# In SET a new setting begins where " board_" stands; other blanks belong to a value (board_options=--mirror --find-hand).
BLANK := $(subst ,, )
EACH_SET = $(subst @_@board_, board_,$(subst $(BLANK),@_@,$(strip $(SET))))
ONE_BOARD = --board-ip "$(or $(BOARD_IP),$(error BOARD_IP=address of a board, or INVENTORY=boards.ini, must be given))" --board-port $(BOARD_PORT) --board-user $(BOARD_USER)
REACH = $(if $(INVENTORY),--inventory "$(INVENTORY)",$(ONE_BOARD)) $(if $(BOARD_KEY),--board-key "$(BOARD_KEY)") $(if $(KNOWN_HOSTS),--known-hosts "$(KNOWN_HOSTS)") $(foreach one,$(EACH_SET),--set "$(subst @_@, ,$(one))")
DEPLOY := .venv-deploy/bin/python -m host
export TF_CPP_MIN_LOG_LEVEL := 3

.PHONY: help
help:  ## list the targets
	@echo "make <target> [NETWORK=signnet|tutorial|intro|dropout] [DATA=path/to/archive.zip|hands] [MODEL=folder]"
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: demo
demo: .venv/ready  ## everything: train, quantize, compile, stream, baselines, report
	$(PY) -m host demo --data "$(DATA)"

.PHONY: data
data: .venv/ready  ## check the data set, or say how to get it
	$(PY) -m host data --data "$(DATA)"

.PHONY: train
train: .venv/ready  ## train a network with its full recipe (MIX=photos=12000,hands=40000 OPTIONS="--epochs 5")
	$(PY) -m host train --network $(NETWORK) --data "$(DATA)" $(MIXED) --out $(BUILT) --seed $(SEED) --force

$(BUILT)/float.keras: | .venv/ready
	$(TOOLS_HERE)
	if [ -z "$(MODEL)" ]; then
		$(PY) -m host train --network $(NETWORK) --data "$(DATA)" $(MIXED) --out $(BUILT) --seed $(SEED)
	else
		test -f "$(MODEL)/float.keras" || { echo "error: MODEL must be a folder with float.keras, got none in $(MODEL); MODEL=models/signnet is the released one" >&2; exit 1; }
		mkdir -p "$(BUILT)"
		for one in train.json history.json; do if [ -f "$(MODEL)/$$one" ]; then cp "$(MODEL)/$$one" "$(BUILT)/$$one"; fi; done
		cp "$(MODEL)/float.keras" "$(BUILT)/float.keras.tmp"
		mv "$(BUILT)/float.keras.tmp" "$(BUILT)/float.keras"
	fi

.PHONY: compare
compare: .venv/ready  ## trained models, or networks to train, side by side (MODELS="intro dropout")
	$(PY) -m host train --compare $(or $(MODELS),intro dropout) --data "$(DATA)" --seed $(SEED) $(OPTIONS)

.PHONY: finetune
finetune: .venv/ready  ## teach the model your own hands (IMAGES=folder by letter) -> build/models/NETWORK-own
	$(FRESH)
	$(PY) -m host finetune $(CHOSEN) --images "$(or $(IMAGES),$(error IMAGES=folder must name your photos, one folder a letter))" --data "$(DATA)" $(OPTIONS)

.PHONY: quantize
quantize: $(BUILT)/float.keras  ## float model, or that of MODEL=folder -> int8 graph (TOOLCHAIN=vitis: AMD's tools, VITIS="--gpu ...")
	$(TAKEN)
	$(PY) -m host quantize $(BUILT) --data "$(DATA)" $(TOOLS) $(QUANT)

$(QUANTIZED): $(BUILT)/float.keras
	$(TAKEN)
	$(PY) -m host quantize $(BUILT) --data "$(DATA)" $(TOOLS) $(QUANT)

.PHONY: compile
compile: $(QUANTIZED)  ## int8 graph -> .xmodel, manifest, golden vectors (TOOLCHAIN=vitis)
	$(TAKEN)
	$(PY) -m host compile $(BUILT) --data "$(DATA)" $(TOOLS)

$(BUILT)/model.json: $(QUANTIZED)
	$(PY) -m host compile $(BUILT) --data "$(DATA)" $(TOOLS)

.PHONY: evaluate
evaluate: .venv/ready  ## accuracy of the model, float and int8; kept beside a model built here
	$(FRESH)
	$(PY) -m host evaluate $(CHOSEN) --data "$(DATA)" $$(test $(CHOSEN) != "$(BUILT)" || echo --save)

build/signs.avi: | .venv/ready
	$(PY) -m host video $@ --data "$(DATA)"

.PHONY: simulate
simulate: .venv/ready $(filter build/signs.avi,$(SHOWN))  ## the application on the emulator (INPUT=hands://HELLO OUTPUT=...)
	$(FRESH)
	$(PY) -m host simulate "$(SHOWN)" $(if $(OUTPUT),"$(OUTPUT)",--headless) --model $(CHOSEN) --record build/records/simulate-$(NETWORK).json

.PHONY: live
live: .venv/ready  ## the live page on the emulator, http://localhost:8080 (INPUT=0 for a camera, PORT=...)
	$(FRESH)
	$(PY) -m host simulate "$(or $(INPUT),hands://HELLO WORLD?repeat=0)" http://:$(or $(PORT),8080) --model $(CHOSEN)

.PHONY: bench
bench: .venv/ready  ## every runner of this machine on both networks, or NETWORK=... (DURATION=seconds a runner)
	$(FRESH)
	$(PY) -m host bench $(if $(ONE),$(CHOSEN),$(BOTH)) --data "$(DATA)" --duration $(DURATION) --out build/records/bench$(if $(ONE),-$(NETWORK)).json

.PHONY: export
export: .venv/ready  ## what the board needs to measure baselines -> build/bench/NETWORK
	$(FRESH)
	$(PY) -m host export $(CHOSEN) --data "$(DATA)" --out build/bench/$(NETWORK)

.PHONY: estimate
estimate: .venv/ready  ## how long the DPU would take, predicted (BOARD=zcu104|zcu102|kv260)
	$(FRESH)
	$(PY) -m host estimate $(CHOSEN) --board $(BOARD)

.PHONY: board-image
board-image: .venv/ready  ## AMD's image, this application, CONFIG=board.toml -> a card image (IMAGE=... OUT=sd.img)
	release=$$($(PY) -m host bundle $(CHOSEN) --out build/releases --quiet)
	$(PY) -m board_image "$(or $(IMAGE),$(error IMAGE=file must name AMD's image, xilinx-zcu104-dpu-v2022.2-v3.0.0.img.gz))" \
		"$(or $(OUT),sd.img)" --config "$(or $(CONFIG),board_image/board.toml)" --release "$$release" $(if $(FORCE),--force)

.PHONY: report
report: .venv/ready  ## build/records/*.json (or RECORDS=...) and both networks -> reports/latest
	if [ -z "$(RECORDS)" ] && ! ls build/records/*.json >/dev/null 2>&1; then $(MAKE) --no-print-directory bench; fi
	$(PY) -m host report $(or $(RECORDS),build/records/*.json) --models $(or $(MODELS),$(BOTH)) --out reports/latest

.PHONY: release
release: $(QUANTIZED)  ## put the built model into models/ and evaluate it there
	$(PY) -m host compile $(BUILT) --out models/$(NETWORK) --data "$(DATA)" $(TOOLS)
	$(PY) -m host evaluate models/$(NETWORK) --data "$(DATA)" --save
	$(PY) -m host export models/$(NETWORK) --data "$(DATA)" --reference-only --images 1024 --out models/$(NETWORK)/golden

# Also before `make setup`: it then says what is missing. For a board: with what make deploy needs.
.PHONY: doctor
doctor: $(if $(BOARD_IP)$(INVENTORY),.venv-deploy/ready)  ## what is wrong here, or on a board (BOARD_IP=... or INVENTORY=boards.ini), and the command that mends it
	@$(if $(BOARD_IP)$(INVENTORY),$(DEPLOY),$(or $(wildcard $(PY)),$(PYTHON3)) -m host) doctor $(if $(BOARD_IP)$(INVENTORY),$(REACH),--data "$(DATA)") $(if $(MODEL),--model "$(MODEL)") $(OPTIONS)

.PHONY: deploy
deploy: .venv-deploy/ready  ## onto a board: BOARD_IP=... or INVENTORY=boards.ini (CHECK=1 changes nothing, WHEELS=, BASELINES=)
	$(FRESH)
	$(DEPLOY) deploy --model $(CHOSEN) $(REACH) $(if $(CHECK),--check) $(if $(WHEELS),--wheels "$(WHEELS)") $(if $(BASELINES),--baselines "$(BASELINES)")

.PHONY: undeploy
undeploy: .venv-deploy/ready  ## take it off the board again
	$(DEPLOY) undeploy $(REACH) $(if $(CHECK),--check)

.PHONY: board-trust
board-trust: .venv-deploy/ready  ## accept a board's host key: BOARD_IP=... FINGERPRINT=SHA256:... as its console shows it
	$(DEPLOY) board trust $(REACH) $(if $(FINGERPRINT),--fingerprint "$(FINGERPRINT)")

.PHONY: board-logs
board-logs: .venv-deploy/ready  ## the end of the service's log
	$(DEPLOY) board logs $(REACH)

.PHONY: board-bench
board-bench: .venv-deploy/ready  ## measure on the board, fetch the records -> build/records
	$(DEPLOY) board bench $(REACH) -- --duration $(DURATION) $(OPTIONS)

.PHONY: board-run
board-run: .venv-deploy/ready  ## the application on the board, in this terminal (INPUT=0 OUTPUT=term://)
	$(DEPLOY) board run $(REACH) -- "$(or $(INPUT),0)" "$(or $(OUTPUT),term://)" $(OPTIONS)

.PHONY: board-wheels
board-wheels: .venv-deploy/ready  ## LiteRT for the board's CPU -> build/wheels, for make deploy WHEELS=build/wheels
	.venv-deploy/bin/python -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
	  --platform manylinux_2_27_aarch64 --python-version 3.9 --dest build/wheels -r host/deploy/wheels.lock

.venv-deploy/ready: host/deploy/requirements.lock
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python must be 3.11 or newer, got $$($(PYTHON3) --version); install it or pass PYTHON3=python3.11" >&2; exit 1; }
	$(PYTHON3) -m venv .venv-deploy
	.venv-deploy/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r host/deploy/requirements.lock
	touch .venv-deploy/ready

.venv/ready: requirements.lock
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python must be 3.11 or newer, got $$($(PYTHON3) --version); install it or pass PYTHON3=python3.11" >&2; exit 1; }
	$(PYTHON3) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch .venv/ready

.PHONY: setup
setup: .venv/ready  ## make .venv with the pinned packages

.venv-vitis/ready: tests/vitis_tools/requirements.lock
	@$(PYTHON311) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "error: TensorFlow 2.12 needs Python 3.11, got none as $(PYTHON311); install it or pass PYTHON311=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON311) -m venv .venv-vitis
	.venv-vitis/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/vitis_tools/requirements.lock
	touch .venv-vitis/ready

.PHONY: setup-vitis
setup-vitis: .venv-vitis/ready  ## make .venv-vitis with TensorFlow 2.12, for the slow tests of AMD's toolchain

.PHONY: apt
apt:  ## install the Debian packages that some tests use: Chromium, an ssh server, qemu, ... (needs root)
	@test "$$(id -u)" = 0 || { echo "error: installing Debian packages needs root; run sudo make apt" >&2; exit 1; }
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core openssh-client openssh-server procps systemd \
		e2fsprogs fdisk mtools dosfstools qemu-user-static debian-archive-keyring >/dev/null

.PHONY: check
check: .venv/ready .venv-deploy/ready  ## format, lint, types and the quick tests
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest -q -m "not slow" -x

.PHONY: format
format: .venv/ready  ## let ruff rewrite the code
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

# In the folders' order, so that the end-to-end tests, which are few and long, do not come last.
.PHONY: test
test: .venv/ready .venv-deploy/ready  ## lint, types and all tests but the slow ones (what CI runs)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: test-slow
test-slow: .venv/ready .venv-deploy/ready  ## the tests that take longer than a person waits
	$(PY) -m pytest -m slow

.PHONY: test-arm64
test-arm64: .venv/ready  ## the target's tests under an emulated arm64, with Debian's Python 3.9, numpy and OpenCV
	$(PY) -m tests.arm64.run $(OPTIONS)

.PHONY: clean
clean:  ## remove everything that was built, keep data/ and models/
	rm -rf build reports .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
