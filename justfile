# Recipes of daily work: https://just.systems. Each is one command that also works without just.

# What there is.
default:
    @just --list

# Install everything: the program, its extras, the tools of development.
setup:
    uv sync --all-extras

# A small made-up nation, its tables and its report.
demo:
    uv run nibrs demo

# All tests but the slow ones.
test *options:
    uv run pytest {{options}}

# Tests of single modules.
test-unit *options:
    uv run pytest tests/unit {{options}}

# Tests of the methods against published numbers, worked examples and slow twins.
test-stats *options:
    uv run pytest tests/stats {{options}}

# Studies and whole runs that take minutes each.
test-slow *options:
    uv run pytest -m slow {{options}}

# The pages of the docs; a broken link is an error.
docs:
    uv run --group docs mkdocs build --strict

# A benchmark by name, such as `just bench engine_overhead`; benchmarks/README.md lists them.
bench name="run_times" *options:
    uv run python -m benchmarks.{{name}} {{options}}

# The image of development; it names its commit.
image *options:
    GIT_BRANCH=$(git rev-parse --abbrev-ref HEAD) GIT_HASH=$(git describe --always --dirty --abbrev=40 --exclude '*') \
        docker compose build {{options}}

# Dockerfile and Compose files.
lint-image:
    uv run hadolint Dockerfile
    uv run check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml docker-compose.override.yml

# Lint, format, types and import rules, as CI checks them.
lint:
    uv run ruff check .
    uv run ruff format --check .
    uv run mypy
    uv run lint-imports

# Build this commit's images and push them to an environment's registry: `just release-images dev`; `--dry-run` only shows.
release-images environment *options:
    python3 cdk/release_images.py {{environment}} {{options}}

# Everything that CI checks in cdk/, the deployment to AWS.
check-cdk:
    cdk/check
