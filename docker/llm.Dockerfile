# Engine and gateway in one container, port 8000. docs/images.md describes the contents.
#   docker build -f docker/llm.Dockerfile -t mmhie-llm .               both engines, selected at start
#   docker build -f docker/llm.Dockerfile --target cpu -t mmhie-llm:cpu .    no CUDA, 9 GB smaller
#   docker build -f docker/llm.Dockerfile --target gpu -t mmhie-llm:gpu .    no CPU engine

# To pin by digest too: --build-arg PYTHON_IMAGE=python:3.11.14-slim-trixie@sha256:...
ARG PYTHON_IMAGE=python:3.11.14-slim-trixie

FROM ${PYTHON_IMAGE} AS builder
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1
WORKDIR /src
COPY requirements/*.txt requirements/
COPY docker/sbom.py docker/sbom.py
RUN python -m pip install --no-cache-dir uv==0.13.9 -r requirements/build.txt

# torch imports setuptools when vLLM loads; `make run` has it from build.txt too.
FROM builder AS cpu-packages
# Source of torch without CUDA. In an air gap, use a folder: --build-arg TORCH_FROM=--find-links=/wheels
ARG TORCH_FROM=--torch-backend=cpu
RUN python -m venv --without-pip /opt/cpu \
 && uv pip install --python /opt/cpu/bin/python "${TORCH_FROM}" --no-deps \
      -r requirements/gateway.txt -r requirements/engine-cpu.txt setuptools -c requirements/build.txt \
 && echo /opt/mmhie > /opt/cpu/lib/python3.11/site-packages/mmhie.pth \
 && /opt/cpu/bin/python docker/sbom.py mmhie-llm-cpu > /opt/cpu/sbom.cdx.json

FROM builder AS gpu-packages
RUN python -m venv --without-pip /opt/gpu \
 && uv pip install --python /opt/gpu/bin/python --no-deps \
      -r requirements/gateway.txt -r requirements/engine-gpu.txt setuptools -c requirements/build.txt \
 && echo /opt/mmhie > /opt/gpu/lib/python3.11/site-packages/mmhie.pth \
 && /opt/gpu/bin/python docker/sbom.py mmhie-llm-gpu > /opt/gpu/sbom.cdx.json

FROM builder AS code
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY launcher launcher
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation --target /opt/mmhie .

FROM ${PYTHON_IMAGE} AS runtime
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mmhie-llm" \
      org.opencontainers.image.description="Medical reasoning model: vLLM engine and gateway" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# libnuma1: vLLM's CPU kernels load it. g++: not for building this image, but for Triton and
# Inductor, which compile kernels while a model is loaded. tini reaps vLLM's orphaned processes.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ libc6-dev libnuma1 tini \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 mmhie \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /cache/home --shell /usr/sbin/nologin mmhie \
 && install -d -o 10001 -g 10001 /app /cache /cache/home /run/mmhie
COPY docker/healthy.py /opt/image/healthy.py
COPY --chmod=0755 docker/mmhie /usr/local/bin/mmhie
# Everything that is written is under /cache, except for /tmp.
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/cache/home \
    USER=mmhie \
    XDG_CACHE_HOME=/cache/xdg \
    XDG_CONFIG_HOME=/cache/xdg/config \
    HF_HOME=/cache/huggingface \
    VLLM_CACHE_ROOT=/cache/vllm \
    TORCHINDUCTOR_CACHE_DIR=/cache/torchinductor \
    TRITON_CACHE_DIR=/cache/triton \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    VLLM_NO_USAGE_STATS=1 \
    DO_NOT_TRACK=1 \
    MMHIE_CACHE_DIR=/cache/mmhie \
    MMHIE_HOST=0.0.0.0
WORKDIR /app
VOLUME /cache
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# A model may have to be converted or merged before anything listens, so failures count late.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15m --retries=3 \
  CMD ["python3", "/opt/image/healthy.py"]
ENTRYPOINT ["/usr/bin/tini", "--", "mmhie"]
CMD ["serve"]

FROM runtime AS cpu
COPY --from=cpu-packages /opt/cpu /opt/cpu
COPY --from=code /opt/mmhie /opt/mmhie

FROM runtime AS gpu
COPY --from=gpu-packages /opt/gpu /opt/gpu
COPY --from=code /opt/mmhie /opt/mmhie

# The last target is the default build: both `docker run` commands of the README work with it.
FROM runtime AS both
COPY --from=gpu-packages /opt/gpu /opt/gpu
COPY --from=cpu-packages /opt/cpu /opt/cpu
COPY --from=code /opt/mmhie /opt/mmhie
