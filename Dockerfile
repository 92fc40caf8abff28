# syntax=docker/dockerfile:1
# The bases are arguments, so that a mirror or a digest can take their place.
ARG BUILD_BASE=rust:1.95-slim-trixie
ARG RUNTIME_BASE=gcr.io/distroless/cc-debian13:nonroot

FROM ${BUILD_BASE} AS build
WORKDIR /src
# rust-toolchain.toml has the wasm target, which the build of the default mapping needs.
COPY . .
RUN rustup toolchain install \
 && cargo build --release --locked --package copilot-metrics-exporter

FROM ${RUNTIME_BASE}
LABEL org.opencontainers.image.title="copilot-metrics-exporter" \
      org.opencontainers.image.description="Prometheus exporter for GitHub Copilot" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/target/release/copilot-metrics-exporter /usr/local/bin/copilot-metrics-exporter
# Numeric, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/usr/local/bin/copilot-metrics-exporter"]
