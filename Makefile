# What a person types. `make` alone lists it.
PYTHON ?= python3
BOOTSTRAP = @command -v $(PYTHON) >/dev/null || { echo "Cloudhall needs Python 3.11 or newer: apt-get install python3 python3-venv" >&2; exit 1; }; \
	exec $(PYTHON) scripts/bootstrap.py
BIN = .venv/bin
CAMPAIGNS = tests/kernel/test_audit_mutations.py tests/kit/test_seeds.py tests/kit/test_faults.py tests/kit/test_day.py \
	tests/docs/test_first_domain.py tests/docs/test_pages.py \
	tests/e2e/test_interface.py tests/e2e/test_full_disk.py tests/e2e/test_bad_luck.py \
	tests/drivers/objects/cluster/test_faults.py

.PHONY: help run test lint bench docs pictures soak bundle lock new-domain
.NOTPARALLEL:

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1#\2/p' $(MAKEFILE_LIST) | awk -F'#' '{printf "%-26s %s\n", $$1, $$2}'

run: ## start Cloudhall with the demonstration city; Ctrl-C stops it
	$(BOOTSTRAP) run
	@exec $(BIN)/cloudhall run --demo

test: lint ## run lint and every test (14 minutes on 2 cores)
	@$(BIN)/python scripts/debian_packages.py
	@$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: ## check style, types and the arrows between packages
	$(BOOTSTRAP) test
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "mend with: .venv/bin/ruff format" >&2; exit 1; }
	@$(BIN)/mypy
	@report=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$report" >&2; exit 1; }

bench: ## measure every figure; `bench/run NAME` measures one
	@set -e; for script in bench/*.py; do name=$$(basename $$script .py | tr _ -); echo "== $$name"; bench/run "$$name"; done

docs: ## write docs/reference and the types of the SDK anew from the declarations
	$(BOOTSTRAP) test
	@$(BIN)/python scripts/sdk.py
	@$(BIN)/python scripts/reference.py

pictures: ## take the pictures of docs/pictures from a demonstration city of their own
	$(BOOTSTRAP) test
	@$(BIN)/python scripts/debian_packages.py
	@$(BIN)/python scripts/pictures.py

soak: ## kill server and database N times under load, then the long campaigns: make soak N=300 DIALECT=both SEED=1
	$(BOOTSTRAP) test
	@failed=0; \
	$(BIN)/python -m tests.e2e.soak --cycles $(or $(N),300) --dialect $(or $(DIALECT),both) --seed $(or $(SEED),1) || failed=1; \
	CLOUDHALL_CAMPAIGN=whole $(BIN)/pytest -q $(CAMPAIGNS) || failed=1; \
	exit $$failed

bundle: ## pack wheels and sources for a site without a network
	@$(PYTHON) scripts/bundle.py

lock: ## write requirements.lock, dev.lock and tools.lock anew
	@$(PYTHON) scripts/lock.py

new-domain: ## make the folder of a new domain: make new-domain NAME=weather
	$(BOOTSTRAP) test
	@$(BIN)/python scripts/new_domain.py "$(NAME)"
