# The commands in the README. Continuous integration runs the same commands.

CARGO ?= cargo

.PHONY: run test fuzz soak lint bench toolchain setup pictures

# Serves the demo on http://localhost:8000, without a token or access to GitHub.
run: toolchain
	$(CARGO) run --release -- --demo

# Installs missing tools and runs all tests.
test: setup
	$(CARGO) build --workspace
	$(CARGO) test --workspace --exclude smallest-mapping

# Maps recordings with random changes, and runs the targets in tests/fuzz, which change their input so that
# it reaches more code: FUZZ_SECONDS in total, of which each target and the recordings get the same share.
# Building the targets takes another ten minutes the first time. `make test` runs the first seeds of the
# recordings, and what the targets have found, as ordinary tests. The seeds start at FUZZ_SEED, so a run
# can be repeated, and another start tries other changes.
FUZZ_SECONDS ?= 300
FUZZ_SEED ?= 1
FUZZ_SHARE = $(shell expr $(FUZZ_SECONDS) / \( 1 + $(words $(wildcard tests/fuzz/targets/*.rs)) \))

fuzz: toolchain
	FUZZ_SECONDS=$(FUZZ_SHARE) FUZZ_SEED=$(FUZZ_SEED) $(CARGO) test --package copilot-metrics-tests --test integration fuzz:: -- --nocapture
	CARGO="$(CARGO)" tests/fuzz/run $(FUZZ_SHARE) $(FUZZ_SEED)

# Runs the exporter under load and faults, all at once, and fails if a scrape fails or memory, descriptors
# or threads grow. The same SOAK_SEED makes the same choices of what goes wrong.
SOAK_SECONDS ?= 180
SOAK_SEED ?= 1

soak: toolchain
	$(if $(EXPORTER_BINARY),,$(CARGO) build --release)
	EXPORTER_BINARY=$(or $(EXPORTER_BINARY),$(or $(CARGO_TARGET_DIR),target)/release/copilot-metrics-exporter) SOAK_SECONDS=$(SOAK_SECONDS) SOAK_SEED=$(SOAK_SEED) $(CARGO) run --package copilot-metrics-tests --example soak

# Checks the formatting, clippy (warnings are errors), the workflows, and the dependencies: the rules in
# deny.toml, and security advisories if their database can be reached.
lint: setup
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked --debug --quiet cargo-deny
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	@./.ci/workflows
	$(CARGO) deny check bans licenses sources
	@CARGO="$(CARGO)" ./.ci/advisories
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

# Prints throughput, scrapes per second and memory use, with their ratios.
bench: setup
	$(CARGO) build --release
	$(CARGO) bench --package copilot-metrics-tests

# Installs the build dependencies: the Rust toolchain with its wasm target, and a C compiler.
toolchain:
	@./.ci/toolchain

# Also installs the test dependencies.
setup:
	@./.ci/setup

# Updates the README's pictures of the page with the screenshots taken by `make test`.
pictures:
	cp target/screenshots/demo/desktop-light.png docs/page-light.png
	cp target/screenshots/demo/desktop-dark.png docs/page-dark.png
