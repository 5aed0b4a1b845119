# Every command a person needs. `make help` lists them.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
TORCH ?= cpu
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH_PINS := torch==2.13.0 torchvision==0.28.0
PIP := $(BIN)/pip --disable-pip-version-check --quiet
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo run worker stop test check bench openapi format

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## make .venv and install everything, pinned (TORCH=cuda for the GPU build)

$(VENV)/.ready: requirements.txt requirements-dev.txt Makefile
	@command -v $(PYTHON) >/dev/null || { echo "fashionrec needs Python 3.11: PYTHON=$(PYTHON) was not found"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing PyTorch ($(TORCH) build) ..."
	@$(MAKE) --no-print-directory torch-$(TORCH)
	@echo "Installing the pinned requirements ..."
	@$(PIP) install -r requirements-dev.txt
	@$(BIN)/python -c "import torch; print('PyTorch', torch.__version__, '- CUDA build' if torch.version.cuda else '- CPU build')"
	@touch $@

# Plain `torch==2.13.0` brings gigabytes of CUDA packages from the public index, so the CPU build is asked for first:
# where pip finds it by itself, then on PyTorch's own index, and only then whatever the plain pin gives.
.PHONY: torch-cpu torch-cuda
torch-cpu:
	@for pin in $(TORCH_PINS); do \
	  $(PIP) install $$pin+cpu 2>/dev/null \
	  || $(PIP) install $$pin+cpu --extra-index-url $(TORCH_INDEX) --timeout 10 --retries 1 2>/dev/null \
	  || $(PIP) install $$pin || exit 1; done
torch-cuda:
	@$(PIP) install $(TORCH_PINS)

demo: setup ## build the demo shop from catalogue to recommendations and serve it (ARGS="--no-serve", "--catalog DIR --format myntra")
	@$(BIN)/python manage.py demo $(ARGS)

run: setup ## serve the shop as it stands, with a worker (ARGS="--port 8000")
	@$(BIN)/python manage.py serve $(ARGS)

worker: setup ## one more Celery worker for all queues (ARGS="--beat" where `make run` does not run)
	@$(BIN)/python manage.py embedded start >/dev/null 2>&1 || true
	@$(BIN)/celery -A fashionrec worker -Q default,embed,rate,train --concurrency 2 --loglevel info $(ARGS)

stop: ## stop the embedded Postgres
	@$(BIN)/python manage.py embedded stop

test: setup ## the whole test suite
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder $(ARGS); status=$$?; \
	  DJANGO_SETTINGS_MODULE=fashionrec.settings.test $(BIN)/python manage.py embedded stop >/dev/null 2>&1; exit $$status

check: setup ## ruff, mypy, import contracts, the architecture's rules, missing migrations, OpenAPI snapshot
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_architecture.py
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn | diff - docs/reference/openapi.yaml \
	  || { echo "docs/reference/openapi.yaml is out of date: make openapi"; exit 1; }

bench: setup ## a benchmark: make bench ARGS="demo-quality"
	@$(BIN)/python manage.py benchmark $(ARGS)

openapi: setup ## write docs/reference/openapi.yaml
	@$(BIN)/python manage.py spectacular --file docs/reference/openapi.yaml --validate --fail-on-warn

format: setup ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .
