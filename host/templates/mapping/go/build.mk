GO ?= go
WASM_TOOLS ?= wasm-tools

# The standard compiler makes a module for WASI preview 1; the adapter turns it into a component.
{{name}}.wasm: go.mod *.go */*.go wit/mapping.wit wasi_snapshot_preview1.wasm
	mkdir -p target
	GOOS=wasip1 GOARCH=wasm $(GO) build -buildmode=c-shared -ldflags='-s -w -checklinkname=0' -o target/core.wasm .
	$(WASM_TOOLS) component embed --world mapping wit target/core.wasm --output target/embedded.wasm
	$(WASM_TOOLS) component new --adapt wasi_snapshot_preview1.wasm target/embedded.wasm --output $@

# Updates the bindings, with https://github.com/bytecodealliance/wit-bindgen 0.63.
.PHONY: bindings
bindings:
	wit-bindgen go --world mapping --out-dir . wit
	git checkout go.mod
