# The program with Prefect and PostgreSQL drivers, its dependencies as uv.lock has them.
#   runtime (default)   what production runs
#   dev                 with tests, linters and git, for `docker compose run --rm prefect pytest`
# Any Debian with Python 3.11 or later, venv and ca-certificates can be the base: --build-arg BASE=...
ARG BASE=docker.io/library/python:3.12-slim-bookworm

# ---- what both have: a user without rights, and the folders that it writes ------------------------------------------
# hadolint ignore=DL3006
FROM ${BASE} AS base
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# A bind mount keeps the owner that it has on the host. So the container may run under any user id, and all may write here.
RUN groupadd --gid 1000 nibrs \
    && useradd --uid 1000 --gid nibrs --no-create-home --home-dir /home/nibrs nibrs \
    && install -d -m 0777 /home/nibrs /scratch /store/artifacts
ENV HOME=/home/nibrs \
    PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SCRATCH_DIR=/scratch \
    ARTIFACT_STORE=/store/artifacts
WORKDIR /code

# ---- dependencies, then the program ---------------------------------------------------------------------------------
FROM base AS build
# Certificates of the system: a network may have an authority of its own.
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    UV_SYSTEM_CERTS=1 \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON=python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir uv==0.13.9
COPY pyproject.toml uv.lock README.md LICENSE ./
# Compiled here, because the user of the container cannot; by hash, because a build may set the time of every file.
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv sync --locked --no-dev --extra production --extra postgresql --no-install-project --compile-bytecode
COPY external_file_locations.json flows.py deployments.py .sample_env ./
COPY src src
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv sync --locked --no-dev --extra production --extra postgresql \
    && python3 -m compileall -q --invalidation-mode checked-hash src

FROM build AS build-dev
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv sync --locked --all-extras --group docs

# ---- dev ------------------------------------------------------------------------------------------------------------
FROM base AS dev
# Git tells the commit of a mounted checkout, whoever owns it. A base has one version of git, so none is named here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory /code
COPY --from=build-dev /opt/venv /opt/venv
# Linters and tests keep their caches here.
RUN chown 1000:1000 /code
COPY --chown=1000:1000 . .
ARG GIT_BRANCH=
ARG GIT_HASH=
ENV GIT_BRANCH=$GIT_BRANCH GIT_HASH=$GIT_HASH
USER 1000
CMD ["nibrs", "--help"]

# ---- runtime --------------------------------------------------------------------------------------------------------
FROM base AS runtime
COPY --from=build /opt/venv /opt/venv
COPY --from=build /code /code
ARG VERSION=0.2.0
ARG GIT_BRANCH=
ARG GIT_HASH=
ENV GIT_BRANCH=$GIT_BRANCH GIT_HASH=$GIT_HASH
LABEL org.opencontainers.image.title="NIBRS Estimation Pipeline" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/nibrs-estimation/nibrs-estimation" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$GIT_HASH"
USER 1000
CMD ["nibrs", "--help"]
