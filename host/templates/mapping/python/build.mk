{{name}}.wasm: src/*.py wit/mapping.wit .venv/installed
	.venv/bin/componentize-py --quiet --wit-path wit --world mapping componentize --python-path src --output $@ manifest

.venv/installed: requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
	touch $@

# The types of the contract, for editors and type checkers.
.PHONY: bindings
bindings: .venv/installed
	rm -rf bindings
	.venv/bin/componentize-py --wit-path wit --world mapping bindings bindings
