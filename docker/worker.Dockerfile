# The Celery workers, with torch. Two images from one file, built from the repository's root:
#   docker build -f docker/worker.Dockerfile --target worker-cpu  --build-arg TORCH_INDEX=... -t foretell-worker-cpu .
#   docker build -f docker/worker.Dockerfile --target worker-cuda -t foretell-worker-cuda .
FROM python:3.11.14-slim-trixie AS base

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY pyproject.toml constraints.txt docker/requirements.py /app/
RUN python requirements.py worker > /tmp/requirements.txt \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin foretell \
    && install --directory --owner=foretell --group=foretell --mode=0700 /data
ENV FORETELL_DATA=/data
VOLUME /data
# A worker says every few seconds in the database that it lives, also while its child computes.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "docker/healthcheck.py", "worker"]
CMD ["celery", "-A", "studyapp", "worker", "-Q", "explain", "--concurrency", "1", "--prefetch-multiplier", "1"]

# Where TORCH_INDEX names PyTorch's index of CPU builds, the image is gigabytes smaller; without it, it works too.
FROM base AS worker-cpu
ARG TORCH_INDEX=""
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
        --requirement /tmp/requirements.txt --constraint constraints.txt
COPY . /app
USER 10001:10001

# The ordinary Linux build of torch brings CUDA's libraries; the driver comes from the host (NVIDIA Container Toolkit).
FROM base AS worker-cuda
RUN pip install --requirement /tmp/requirements.txt --constraint constraints.txt
COPY . /app
USER 10001:10001
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
