{{name}}.wasm: src/*.rs Cargo.toml wit/mapping.wit
	cargo build --quiet --release --target wasm32-wasip2 --target-dir target
	cp target/wasm32-wasip2/release/mapping.wasm $@
