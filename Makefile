# SPDX-License-Identifier: Apache-2.0
# The two commands of the project are `make demo` and `make test`; everything here is thin, the
# work is meson's (meson.build) and the scripts'.
BUILD ?= build
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
CAPTURE ?=

.PHONY: all setup build test test-interop demo stop bench bench-sensor bench-core evaluate oracle lint fuzz torture faults faults-away docs clean install

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

# Against programs from elsewhere (softflowd, nfdump), as far as they are installed.
test-interop: build
	@THYMUS_BIN=$(abspath $(BUILD))/bin /usr/bin/python3 -m pytest -q -rs -s tests/interop

demo: build
	@scripts/demo start $(BUILD) $(CAPTURE)

stop:
	@scripts/demo stop $(BUILD)

bench: build
	@bench/run $(BUILD)

# The sensor's part of it: speed, memory, workers, a live wire (as root). Figures belong to a quiet machine.
bench-sensor: build
	@bench/run $(BUILD) sensor sensor_flows sensor_workers sensor_live

# The learner's and core's part of it: events a second of one core, state of a device, live.
bench-core: build
	@bench/run $(BUILD) core bench_learn bench_core_live

# Detection: attacks in learned offices, and labelled recordings (THYMUS_DATA); as tables. QUICK=1: a small one.
evaluate: build
	@python3 lab/evaluate --bin $(BUILD)/bin

# The sensor's answers against those of others (THYMUS_DATA), each difference with its reason. REFERENCES: arkime ndpi
# suricata tshark.
oracle: build
	@tests/oracle/run --sensor $(BUILD)/bin/thymus-vsensor --cache $(BUILD)/oracle $(REFERENCES)

# Whole tree with ALL=1, else what differs from the main branch.
lint: setup
	@scripts/lint $(if $(ALL),--all) --build $(BUILD)

build-asan/build.ninja:
	@CC=clang-14 meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dfuzzing=true >/dev/null

# Searches with libFuzzer for TIME (30m) of processor time in all, shared by what the targets still find;
# FUZZ="dns tls" names targets, KEEP=1 merges new inputs into the corpus.
fuzz: setup build-asan/build.ninja
	@scripts/fuzz --time $(or $(TIME),30m) --jobs $(JOBS) $(if $(KEEP),--keep) $(FUZZ)

# The recordings in THYMUS_DATA as they are and spoiled, through the sensor under sanitizers.
torture: setup build-asan/build.ninja
	@ninja -C build-asan -j $(JOBS) --quiet
	@THYMUS_BIN=build-asan/bin tests/torture/torture.py --seed $(or $(SEED),1)

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
