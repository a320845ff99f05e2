# Two commands: `make run` starts the product on its embedded default, `make test` runs every check.

PYTHON ?= python3
export UV_COMPILE_BYTECODE = 1
export UV_NO_PROGRESS = 1
# uv is found on the PATH, or installed by pip into a folder of this checkout.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)

.PHONY: run test check page peers clean

run: .venv/.run-stamp page ## start the product with a real study loaded; opens on http://127.0.0.1:8000
	MEDIMAGE_DEMO=true .venv/bin/python app.py serve

test: .venv/.dev-stamp page peers ## install what tests need, real peers included, and run them
	$(MAKE) --no-print-directory check
	.venv/bin/pytest -n 2 --dist loadfile

check: .venv/.dev-stamp ## formatting, lint, types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

page: .venv/.run-stamp ## build the page, when its sources changed
	.venv/bin/python web/build.py

peers: .venv/.run-stamp ## the real programs that tests talk to
	sh tests/peers/install.sh
	.venv/bin/python tests/peers/ohif.py

.venv/.run-stamp: pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --inexact
	@touch $@

.venv/.dev-stamp: pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --group dev --extra parquet
	@touch $@ .venv/.run-stamp

$(UV):
	$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv

clean: ## remove what was installed and what was stored
	rm -rf .venv .uv var web/dist web/node_modules
