	$(EXPORTER) mapping test tests --mapping {{name}}.wasm $(TEST_FLAGS)
