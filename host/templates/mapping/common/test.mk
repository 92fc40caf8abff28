	@for span in latest history; do \
	  $(EXPORTER) map --org octo-org --fetched-at 2026-11-23T12:00:00Z --span $$span --mapping {{name}}.wasm \
	    billing=tests/octo-org/billing.json | diff tests/octo-org/$$span.prom - || exit 1; \
	done
