# The commands of the README. Continuous integration runs the same ones.

CARGO ?= cargo

.PHONY: run test lint bench toolchain setup pictures

# Serves the demo on http://localhost:8000/metrics: no token, no network.
run: toolchain
	$(CARGO) run --release -- --demo

# Sets up what is missing and runs every test.
test: setup
	$(CARGO) build --workspace
	$(CARGO) test --workspace --exclude smallest-mapping

# Formatting, clippy with warnings denied, and the rules for dependencies (deny.toml).
lint: setup
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked --debug --quiet cargo-deny
	$(CARGO) fmt --all --check
	$(CARGO) deny check bans licenses sources
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

# Prints throughput, scrapes per second and memory, with their ratios.
bench: setup
	$(CARGO) build --release
	$(CARGO) bench --package copilot-metrics-tests

# Sets up what a build needs: the Rust toolchain with its wasm target, and a C compiler.
toolchain:
	@./.ci/toolchain

# Sets up what the tests need too.
setup:
	@./.ci/setup

# The README's pictures of the page, from the screenshots that `make test` took.
pictures:
	cp target/screenshots/demo/desktop-light.png docs/page-light.png
	cp target/screenshots/demo/desktop-dark.png docs/page-dark.png
