# Engine and gateway in one container, port 8000. docs/images.md describes the contents.
#   docker build -f docker/llm.Dockerfile -t mmhie-llm .               both engines, selected at start
#   docker build -f docker/llm.Dockerfile --target cpu --build-arg BASE=without-cuda -t mmhie-llm:cpu .
#                                                                             the CPU engine without CUDA
#   docker build -f docker/llm.Dockerfile --target gpu -t mmhie-llm:gpu .    no CPU engine

# The base decides where the rest comes from: vLLM's own image, with CUDA and with kernels that its makers
# compiled, or a slim Python. docs/decisions.md has the reasons.
# By tag: no registry could be asked for a digest when this was written. `docker/pin` adds the digests.
ARG VLLM_IMAGE=vllm/vllm-openai:v0.32.0
ARG PYTHON_IMAGE=python:3.11.14-slim-trixie
ARG BASE=with-cuda

FROM ${PYTHON_IMAGE} AS without-cuda
FROM ${VLLM_IMAGE} AS with-cuda

FROM ${PYTHON_IMAGE} AS builder
WORKDIR /src
COPY requirements/build.txt requirements/uv.txt requirements/
RUN python -m pip install --no-cache-dir --require-hashes -r requirements/build.txt -r requirements/uv.txt

FROM builder AS code
COPY pyproject.toml README.md LICENSE ./
COPY assurance assurance
COPY gateway gateway
COPY launcher launcher
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation --target /opt/mmhie .

# On the final image's base, whose Python the environments use.
FROM ${BASE} AS packages
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1
WORKDIR /src
COPY --from=builder /usr/local/bin/uv /usr/local/bin/uv
COPY requirements/*.txt requirements/
COPY docker/sbom.py docker/environment docker/

FROM packages AS cpu-packages
# Source of torch without CUDA. In an air gap, use a folder: --build-arg TORCH_FROM=--find-links=/wheels
ARG TORCH_FROM=--torch-backend=cpu
# uv compares every hash that a lock has; torch's ranges have none.
RUN sh docker/environment cpu "${TORCH_FROM}" --no-deps -r requirements/gateway.txt -r requirements/engine-cpu.txt \
      -r requirements/engine-cpu-torch.txt

# vLLM and CUDA are the base's. Its own Python runs the engine, so that nothing of ours is in there but the
# plugins of two formats and a newer xgrammar (docs/decisions.md).
FROM packages AS gpu-packages
RUN sh docker/environment gpu --no-deps -r requirements/gateway.txt -r requirements/router.txt \
 && uv pip install --target /opt/plugins --no-deps --require-hashes -r requirements/engine-plugins.txt

FROM ${BASE} AS runtime
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mmhie-llm" \
      org.opencontainers.image.description="Medical reasoning model: vLLM engine and gateway" \
      org.opencontainers.image.version="0.2.0" \
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
# Everything that is written is under /cache, except for /tmp; a model's own code is copied beside the
# weights' folder, which may be mounted read-only. vLLM's image has FlashInfer's kernels and a
# CUDA toolkit, without which the launcher switches the last two off.
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/cache/home \
    USER=mmhie \
    XDG_CACHE_HOME=/cache/xdg \
    XDG_CONFIG_HOME=/cache/xdg/config \
    HF_HOME=/cache/huggingface \
    HF_MODULES_CACHE=/cache/modules \
    VLLM_CACHE_ROOT=/cache/vllm \
    TORCHINDUCTOR_CACHE_DIR=/cache/torchinductor \
    TRITON_CACHE_DIR=/cache/triton \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    VLLM_NO_USAGE_STATS=1 \
    DO_NOT_TRACK=1 \
    PYTHONPATH=/opt/plugins \
    MMHIE_CACHE_DIR=/cache/mmhie \
    MMHIE_HOST=0.0.0.0 \
    VLLM_USE_FLASHINFER_SAMPLER=1 \
    VLLM_USE_DEEP_GEMM=1
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
COPY --from=gpu-packages /opt/plugins /opt/plugins
COPY --from=code /opt/mmhie /opt/mmhie

# The last target is the default build: both `docker run` commands of the README work with it.
FROM gpu AS both
COPY --from=cpu-packages /opt/cpu /opt/cpu
