# SPDX-License-Identifier: Apache-2.0
# The two commands of the project are `make demo` and `make test`; everything here is thin, the
# work is meson's (meson.build) and the scripts'.
BUILD ?= build
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
CAPTURE ?=

.PHONY: all setup build test demo stop bench evaluate lint fuzz faults faults-away docs clean install

all: build

setup:
	@scripts/setup

# All programs end up in $(BUILD)/bin, the user interface in $(BUILD)/ui.pack.
build: setup
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix $(PREFIX) >/dev/null
	@ninja -C $(BUILD) -j $(JOBS) --quiet
	@scripts/build-ui $(BUILD)

test: setup
	@scripts/run-suites --build $(BUILD) --jobs $(JOBS) $(SUITES)

demo: build
	@scripts/demo start $(BUILD) $(CAPTURE)

stop:
	@scripts/demo stop $(BUILD)

bench: build
	@bench/run $(BUILD)

# Detection on labelled recordings (THYMUS_DATA), as a table.
evaluate: build
	@lab/evaluate.py --bin $(BUILD)/bin

# Whole tree with ALL=1, else what differs from the main branch.
lint: setup
	@scripts/lint $(if $(ALL),--all) --build $(BUILD)

# Searches SECONDS_EACH (default 30) seconds a target with libFuzzer.
fuzz: setup
	@scripts/fuzz $(FUZZ)

# Kills and disturbs roles and daemons at random moments, a million events a round, and checks what is left.
faults: build
	@THYMUS_BIN=$(BUILD)/bin tests/faults/faults.py --seed $(or $(SEED),1) --minutes $(or $(MINUTES),10)

# A sensor that watches a wire while its master is away for MINUTES; takes root.
faults-away: build
	@THYMUS_BIN=$(BUILD)/bin unshare -n tests/faults/live.py away --minutes $(or $(MINUTES),60)

docs: build
	@scripts/docs $(BUILD)

install: build
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	@rm -rf build build-*
