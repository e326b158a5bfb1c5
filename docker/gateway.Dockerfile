# The gateway alone, in front of an engine elsewhere: neither torch nor vLLM. docs/images.md.
#   docker build -f docker/gateway.Dockerfile -t mmhie-gateway .

# By tag: no registry could be asked for a digest when this was written. `docker/pin` adds the digests.
ARG PYTHON_IMAGE=python:3.11.14-slim-trixie

FROM ${PYTHON_IMAGE} AS builder
WORKDIR /src
COPY requirements/build.txt requirements/gateway.txt requirements/tracing.txt requirements/
RUN python -m pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && python -m venv --without-pip /opt/gateway \
 && python -m pip --python /opt/gateway/bin/python install \
      --no-cache-dir --no-deps --require-hashes -r requirements/gateway.txt -r requirements/tracing.txt
COPY pyproject.toml README.md LICENSE ./
COPY assurance assurance
COPY gateway gateway
COPY launcher launcher
COPY docker/sbom.py docker/sbom.py
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m pip --python /opt/gateway/bin/python install --no-cache-dir --no-deps /wheels/*.whl \
 && /opt/gateway/bin/python docker/sbom.py mmhie-gateway > /opt/gateway/sbom.cdx.json

FROM ${PYTHON_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mmhie-gateway" \
      org.opencontainers.image.description="Gateway in front of a medical reasoning model" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 mmhie \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin mmhie \
 && install -d -o 10001 -g 10001 /app /data /run/mmhie
COPY docker/healthy.py /opt/image/healthy.py
COPY --from=builder /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    MMHIE_HOST=0.0.0.0
WORKDIR /app
VOLUME /data
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "/opt/image/healthy.py"]
ENTRYPOINT ["python", "-m", "gateway"]
