# The image of the suite: docker build -t undulator:0.1.0 .
# You can replace both base images. The second one needs the same or a newer glibc, and bash for HEALTHCHECK.
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
# undulator contains all services; undulator-auth, undulator-icat, undulator-download, undulator-logbook and
# undulator-search contain one each.
ARG PROGRAM=undulator
WORKDIR /src
COPY . .
# The cache directories are not part of the image, so copy the program out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --package "$PROGRAM" --bin "$PROGRAM" \
    && install -D -m 0555 "target/release/$PROGRAM" /image/undulator

# Fonts for the PDF files of logbooks, in addition to those in the program: most scripts (noto-core), Chinese, Japanese and
# Korean (wqy-microhei), symbols (symbola); a download of 15 MB. Characters without a font are shown as boxes.
FROM ${BUILD_IMAGE} AS fonts
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-noto-core fonts-symbola fonts-wqy-microhei \
    && rm -rf /var/lib/apt/lists/*

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="undulator" \
      org.opencontainers.image.description="Services around the ICAT metadata catalogue" \
      org.opencontainers.image.licenses="Apache-2.0"
# A new volume gets the owner of the directory at which it is mounted.
RUN install -d -o 65532 -g 65532 -m 0750 /var/lib/undulator /attachments /search-index
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=fonts /usr/share/fonts/truetype /usr/share/fonts/truetype
# Always the same name, so that the entry point does not depend on PROGRAM.
COPY --from=build /image/undulator /usr/local/bin/undulator
ENV UNDULATOR_HTTP__BIND=[::]:8080 \
    UNDULATOR_HTTP__INTERNAL_BIND=[::]:9080 \
    UNDULATOR_DATA_DIR=/var/lib/undulator
WORKDIR /var/lib/undulator
USER 65532:65532
EXPOSE 8080
# The base image has no HTTP client, so bash sends the request.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=6 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${UNDULATOR_HTTP__INTERNAL_BIND##*:} && printf 'GET /health/ready HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r status <&3 && [[ $status == 'HTTP/1.'?' 200 '* ]]"]
ENTRYPOINT ["undulator"]
CMD ["serve"]
