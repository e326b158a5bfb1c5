# vLLM's router alone, for several engines on Kubernetes. docs/kubernetes.md.
#   docker build -f docker/router.Dockerfile -t mmhie-router .

# To pin by digest too: --build-arg PYTHON_IMAGE=python:3.11.14-slim-trixie@sha256:...
ARG PYTHON_IMAGE=python:3.11.14-slim-trixie

FROM ${PYTHON_IMAGE} AS builder
WORKDIR /src
COPY requirements/build.txt requirements/router.txt requirements/
COPY docker/sbom.py docker/sbom.py
RUN python -m pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && python -m venv --without-pip /opt/router \
 && python -m pip --python /opt/router/bin/python install \
      --no-cache-dir --no-deps --require-hashes -r requirements/router.txt \
 && /opt/router/bin/python docker/sbom.py mmhie-router > /opt/router/sbom.cdx.json

FROM ${PYTHON_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mmhie-router" \
      org.opencontainers.image.description="vLLM's router in front of several engines" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 mmhie \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin mmhie
COPY docker/healthy.py /opt/image/healthy.py
COPY --from=builder /opt/router /opt/router
ENV PATH=/opt/router/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
WORKDIR /tmp
USER 10001:10001
EXPOSE 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30m --retries=3 \
  CMD ["python", "/opt/image/healthy.py", "/liveness", "8001"]
ENTRYPOINT ["python", "-m", "vllm_router.launch_router"]
