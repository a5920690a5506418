# The front of the build.  `make help` lists what there is.
BUILD ?= build
BUILD_TEST ?= build-test
JOBS ?= $(shell nproc)
PORT ?= 8080
DEMO_DIR ?= $(CURDIR)/.demo
PYTEST = .deps/venv/bin/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help deps deps-test deps-trino bench-federation build build-test demo demo-federated test test-unit test-integration test-differential test-trino test-lake deps-lake bench-catalog-crawl bench-lake bench bench-sandbox bench-catalog bench-skimmer eval lint fuzz web docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install what a build needs (Debian 12 packages, pinned libraries)
	@tools/deps.sh build

deps-test: ## ... and what the tests start or compare with
	@tools/deps.sh test

$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) --buildtype=debugoptimized -Ddeps=$(CURDIR)/.deps >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }

$(BUILD_TEST)/build.ninja: | deps-test
	@meson setup $(BUILD_TEST) --buildtype=debug -Db_sanitize=address,undefined -Db_lundef=false -Ddeps=$(CURDIR)/.deps >$(BUILD_TEST).log 2>&1 || \
		{ cat $(BUILD_TEST).log; exit 1; }

build: deps $(BUILD)/build.ninja ## build/townlake
	@ninja -C $(BUILD) -j $(JOBS) townlake townlake-engine townlake-sandbox townlake-worker

build-test: deps-test $(BUILD_TEST)/build.ninja
	@ninja -C $(BUILD_TEST) -j $(JOBS)

demo: build ## a small company to ask about, on http://127.0.0.1:$(PORT)
	@$(BUILD)/townlake demo --dir $(DEMO_DIR) --port $(PORT)

demo-federated: deps-test build ## the same over a real PostgreSQL and a real ClickHouse
	@$(BUILD)/townlake demo --dir $(DEMO_DIR)-federated --port $(PORT) --federated

test: test-unit test-integration test-differential ## everything: units and fuzz replays under sanitizers, then real servers

test-unit: build-test ## units, fuzz replays, tidy (ASan + UBSan)
	@meson test -C $(BUILD_TEST) --no-rebuild --print-errorlogs -t 4

test-integration: build-test ## PostgreSQL, ClickHouse, Trino's clients, the command line (ASan + UBSan)
	@TOWNLAKE_BUILD=$(CURDIR)/$(BUILD_TEST) $(PYTEST) tests/integration -q --ignore-glob='*/test_trino_*.py'

test-trino: deps-trino build-test ## our rules in a real Trino 476, and its answers as recorded (1 GB to fetch; needs a JDK of 24 or newer)
	@TOWNLAKE_BUILD=$(CURDIR)/$(BUILD_TEST) $(PYTEST) tests/integration/test_trino_rules.py tests/integration/test_trino_answers.py -q

LAKE_COMMITS ?= 100
test-lake: deps-lake build-test ## engines of others at our lake, on files and on S3, and Apache Iceberg's own tests (1 GB to fetch; JDKs 17 and 24, Go)
	@TOWNLAKE_BUILD=$(CURDIR)/$(BUILD_TEST) .deps/pylake/bin/python -m pytest tests/lake -q
	@TOWNLAKE_BUILD=$(CURDIR)/$(BUILD_TEST) LAKE_COMMITS=$(LAKE_COMMITS) LAKE_KILLS=50 $(PYTEST) tests/integration/test_lake_kill.py -q

test-differential: build-test ## the same answers with pushdown, without it, and of one plain DuckDB (ASan + UBSan)
	@TOWNLAKE_BUILD=$(CURDIR)/$(BUILD_TEST) $(PYTEST) tests/differential -q

bench: deps-test build ## the figures of docs/benchmarks.md
	@.deps/venv/bin/python bench/run.py --build $(BUILD)

deps-trino: deps-test ## ... and a real Trino 476 to compare with (1 GB; needs a JDK of 24 or newer)
	@tools/deps.sh trino

bench-sandbox: deps-test build ## a script in the sandbox: start to result, calls of the host, memory
	@ninja -C $(BUILD) -j $(JOBS) src/sandbox/sandbox_bench
	@$(BUILD)/src/sandbox/sandbox_bench 500

bench-catalog-crawl: deps-test build ## a PostgreSQL of 100,000 tables into the catalog (10 min)
	@.deps/venv/bin/python bench/catalog.py $(BUILD)/townlake

bench-lake: deps-test build ## the lake's REST catalog: loads, commits, lists
	@.deps/venv/bin/python bench/lake.py --build $(BUILD)

deps-lake: deps-test ## ... and PyIceberg beside it, for the lake
	@tools/deps.sh lake

SCALE ?= 20
bench-federation: deps-trino build ## ... beside a real Trino 476, over PostgreSQL, ClickHouse and the lake
	@.deps/venv/bin/python bench/federation.py --build $(BUILD) --scale $(SCALE)

bench-catalog: deps-test build ## searches among 100,000 tables with 2 million columns (2 min)
	@ninja -C $(BUILD) -j $(JOBS) src/catalog/search_bench
	@folder=$$(mktemp -d) && $(BUILD)/src/catalog/search_bench $$folder; status=$$?; rm -rf $$folder; exit $$status

COLUMNS ?= 6
bench-skimmer: deps-test build ## what the Skimmer finds in labelled columns, beside Presidio (docs/skimmer-accuracy.md; 5 min, 150 MB to fetch)
	@tools/deps.sh skimmer
	@ninja -C $(BUILD) -j $(JOBS) src/detectors/detect_columns
	@.deps/presidio/bin/python tests/bench/skimmer.py --build $(BUILD) --columns $(COLUMNS)

eval: deps-test build ## the suites of questions that Skipper's planner is judged by
	@BUILD=$(BUILD) tools/eval.sh

lint: build-test ## layers and style rules
	@python3 tools/layers.py src && python3 tools/tidy.py .

FUZZ_SECONDS ?= 60
fuzz: build-test ## every fuzz target with libFuzzer and the differential suite with new seeds, FUZZ_SECONDS each
	@TOWNLAKE_BUILD=$(CURDIR)/$(BUILD_TEST) tools/fuzz.sh $(FUZZ_SECONDS)

web: deps-test ## build web/dist, the page for browsers, from web/src
	@tools/web.sh

docs: ## regenerate docs/reference from spec/
	@tools/gen/docs.sh

clean: ## remove what was built (not .deps)
	@rm -rf $(BUILD) $(BUILD_TEST) build-fuzz $(BUILD).log $(BUILD_TEST).log
