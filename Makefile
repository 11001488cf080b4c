# Every target brings what it needs: the tools (tools/install), the packages (npm ci) and the builds it stands on.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Resolved once, at first use; the second call of tools/install takes milliseconds.
BIN = $(eval BIN := $$(shell tools/install))$(BIN)
RUN = $(if $(BIN),,$(error the tools could not be installed))PATH="$(BIN):$$PATH"
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
OS := $(shell uname -s | tr '[:upper:]' '[:lower:]')
ARCH := $(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
ARCHIVE := dist/pulumi-resource-cloudbuild-v$(VERSION)-$(OS)-$(ARCH).tar.gz
SOURCES := $(shell find provider/src provider/local-cloud -name '*.ts') schema.json package.json

.PHONY: help demo test build dist sdk tools env lint bench
.PHONY: docs format typecheck test-unit test-contract test-rpc test-lifecycle test-e2e schema-check generated-check golden clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1@\2/p' Makefile | sed 's/[$$][$$]/$$/' | column -t -s @

demo: build dist sdk ## run examples/quickstart against the local cloud, with the real Pulumi CLI and a real BuildKit
	@$(RUN) node tools/demo.ts

test: lint generated-check schema-check build dist sdk ## run every check and every test
	@$(RUN) node_modules/.bin/mocha 'tests/**/*.test.ts'

build: provider/dist/plugin.mjs ## bundle the plugin and the command line into provider/dist

dist: $(ARCHIVE) ## make the plugin archive for this platform

sdk: sdk/nodejs/bin/package.json ## generate the Node.js SDK from schema.json, and compile it

tools: ## install every external tool, pinned, into the cache, and print where
	@tools/install

env: ## print what puts the tools first on PATH: eval "$$(make -s env)"
	@echo "export PATH=\"$(BIN):\$$PATH\""

lint: typecheck ## check types, rules and format
	@$(RUN) node_modules/.bin/eslint --cache --cache-location node_modules/.cache/eslint/ .
	@$(RUN) node_modules/.bin/prettier --check --cache --log-level warn .

bench: build .make/bench/node_modules/.package-lock.json ## print the benchmarks, as ratios in one run, and write docs/benchmarks.md
	@$(RUN) node tests/bench/bench.ts

format: node_modules/.package-lock.json ## write every file in the project's format
	@$(RUN) node_modules/.bin/eslint --fix . || true
	@$(RUN) node_modules/.bin/prettier --write --log-level warn .

typecheck: node_modules/.package-lock.json ## check types
	@$(RUN) node_modules/.bin/tsc -p .

test-unit: node_modules/.package-lock.json ## run the unit tests and the architecture test
	@$(RUN) node_modules/.bin/mocha 'tests/unit/**/*.test.ts' tests/architecture.test.ts

test-contract: node_modules/.package-lock.json ## run the contract tests, against fakes and the local cloud
	@$(RUN) node_modules/.bin/mocha 'tests/contract/**/*.test.ts'

test-rpc: build ## run the provider's life over gRPC, with an engine that records
	@$(RUN) node_modules/.bin/mocha 'tests/rpc/**/*.test.ts'

test-lifecycle: build ## run the lifecycle matrix
	@$(RUN) node_modules/.bin/mocha 'tests/lifecycle/**/*.test.ts'

test-e2e: build dist sdk ## run the tests with the real Pulumi CLI
	@$(RUN) node_modules/.bin/mocha 'tests/e2e/**/*.test.ts'

docs: node_modules/.package-lock.json ## generate docs/errors.md and docs/lifecycle.md
	@$(RUN) node tools/generate-docs.ts docs

schema-check: ## let Pulumi check schema.json
	@$(RUN) pulumi schema check schema.json

generated-check: node_modules/.package-lock.json ## fail if generating the SDK or the docs again changes them
	@$(RUN) tools/generate-sdk .make/sdk-again
	@diff -r --exclude=bin --exclude=node_modules sdk/nodejs .make/sdk-again || { echo 'sdk/nodejs is not what schema.json generates; run `make sdk` and commit' >&2; exit 1; }
	@mkdir -p .make/docs-again && $(RUN) node tools/generate-docs.ts .make/docs-again
	@for file in .make/docs-again/*; do diff docs/$${file##*/} $$file || { echo "docs/$${file##*/} is not what is generated; run \`make docs\` and commit" >&2; exit 1; }; done

golden: build ## write the golden files anew
	@$(RUN) env UPDATE_GOLDEN=1 node_modules/.bin/mocha $$(grep -lr assertGolden tests --include='*.test.ts')

clean: ## remove what make made in the checkout; the tools stay in their cache
	rm -rf provider/dist dist sdk/nodejs/bin .make node_modules

node_modules/.package-lock.json: package-lock.json .npmrc
	@$(RUN) npm ci --silent --no-audit --no-fund
	@touch $@

# What the benchmarks compare with is large, and nothing else needs it.
.make/bench/node_modules/.package-lock.json: tests/bench/package.json tests/bench/package-lock.json .npmrc
	@mkdir -p .make/bench && cp tests/bench/package.json tests/bench/package-lock.json .npmrc .make/bench/
	@cd .make/bench && $(RUN) npm ci --silent --no-audit --no-fund
	@touch $@

provider/dist/plugin.mjs: $(SOURCES) tools/build.ts node_modules/.package-lock.json
	@$(RUN) node tools/build.ts

# The archive runs by itself: launcher, bundle and the Node.js it was made with.
$(ARCHIVE): provider/dist/plugin.mjs provider/bin/pulumi-resource-cloudbuild schema.json LICENSE
	@rm -rf .make/dist && mkdir -p .make/dist dist
	@cp provider/bin/pulumi-resource-cloudbuild provider/dist/*.mjs provider/dist/package.json schema.json LICENSE .make/dist/
	@rm -f .make/dist/cli.mjs
	@cp -L "$(BIN)/node" .make/dist/node
	@tar -C .make/dist -czf $@.part . && mv $@.part $@
	@echo "$@ ($$(du -h $@ | cut -f1))"

sdk/nodejs/package.json: schema.json tools/generate-sdk
	@$(RUN) tools/generate-sdk sdk/nodejs

# Pulumi's generated package has no `main` of its own: it is used from bin/, where its package.json lies beside what was compiled.
sdk/nodejs/bin/package.json: sdk/nodejs/package.json node_modules/.package-lock.json
	@rm -rf sdk/nodejs/bin
	@$(RUN) node_modules/.bin/tsc -p sdk/nodejs --outDir sdk/nodejs/bin --skipLibCheck --typeRoots node_modules/@types --types node
	@cp sdk/nodejs/package.json sdk/nodejs/README.md sdk/nodejs/bin/
