# syntax=docker/dockerfile:1
# The base images are build arguments, so you can use a mirror, a newer digest or your own base. The runtime base
# needs only glibc and libgcc. The digests are those of the multi-architecture images.
ARG BUILD_BASE=docker.io/library/rust:1.95.0-slim-trixie@sha256:e14e87345b4d5964ddcc3491d27ee046a0f23820f340c3c1e24da6880141f7c0
ARG RUNTIME_BASE=gcr.io/distroless/cc-debian13:nonroot@sha256:a77defd6fedbb3392b175ba8ea3d1c22be963c1597c248c3ba987ddd80bfb512

FROM ${BUILD_BASE} AS build
WORKDIR /src
# The toolchain with the wasm target for the default mapping. It changes less often than the code.
COPY rust-toolchain.toml ./
RUN rustup toolchain install
COPY . .
# Shown by --version. The repository itself is not part of the build context.
ARG REVISION=unknown
ARG BUILD_DATE=unknown
# The cache mounts keep the results of earlier builds, so only changed crates are compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package copilot-metrics-exporter \
 && install -D -t /image/usr/local/bin target/release/copilot-metrics-exporter \
 && install -D -m 644 -t /image/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt \
 && install -d -o 65532 -g 65532 /volumes/cache /volumes/mappings

FROM ${RUNTIME_BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="copilot-metrics-exporter" \
      org.opencontainers.image.description="Prometheus exporter for GitHub Copilot" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/copilot-metrics-exporter/copilot-metrics-exporter" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /
# New volumes are initialized with these directories, including their owner.
COPY --from=build --chown=65532:65532 /volumes/cache /var/cache/copilot-metrics-exporter
COPY --from=build --chown=65532:65532 /volumes/mappings /etc/copilot-metrics-exporter/mappings
ENV CACHE_DIR=/var/cache/copilot-metrics-exporter \
    MAPPING_DIR=/etc/copilot-metrics-exporter/mappings
VOLUME ["/var/cache/copilot-metrics-exporter", "/etc/copilot-metrics-exporter/mappings"]
# Numeric, so that Kubernetes can verify that it is not root.
USER 65532:65532
EXPOSE 8000
# It takes the address and protocol from LISTEN_ADDRESS and WEB_CONFIG_FILE.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["/usr/local/bin/copilot-metrics-exporter", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/copilot-metrics-exporter"]
