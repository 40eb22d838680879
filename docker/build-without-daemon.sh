#!/usr/bin/env bash
# Build and run the image where there is neither a registry nor a Docker daemon; --help explains.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=bookworm
base=localhost/nibrs-base:$suite
image=${IMAGE:-localhost/nibrs-estimation-pipeline}
export CONTAINERS_CONF=$PWD/docker/containers.conf
export BUILDAH_ISOLATION=chroot

help() {
    cat <<TEXT
Usage: docker/build-without-daemon.sh build [runtime|dev]
       docker/build-without-daemon.sh run [runtime|dev] COMMAND...

build   makes a base image from Debian's packages ($base; once, 3 minutes), and from
        the Dockerfile $image:runtime (default) or :dev on top of it.
run     runs a command in that image. Settings come from .env, if it exists, and from the environment, which wins.
        Runs appear in \${HOST_SCRATCH_DIR:-./scratch}, what they publish in \${HOST_ARTIFACT_DIR:-./artifacts}.

For example:
        docker/build-without-daemon.sh build
        NIBRS_SOURCE=synthetic:0.002 DATA_YEAR=2024 docker/build-without-daemon.sh run python flows.py run all trial

IMAGE is the name of the image, if it is to be another. It needs root, the Debian packages podman, runc and debootstrap, and a way to Debian's and Python's packages.
TEXT
}

fail() {
    echo "Error: $*" >&2
    exit 2
}

check_machine() {
    local missing=()
    for tool in podman runc debootstrap; do
        PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || missing+=("$tool")
    done
    [ ${#missing[@]} -eq 0 ] || fail "${missing[*]} not found. Install with: apt-get install --no-install-recommends ${missing[*]}"
    [ "$(id -u)" -eq 0 ] || fail "this needs root, because debootstrap does. Run it with sudo."
}

make_base() {
    podman image exists "$base" && return
    local root
    root=$(mktemp -d)
    # shellcheck disable=SC2064 (the folder of now)
    trap "rm -rf '$root'" EXIT
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv "$suite" "$root"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" -c . | podman import - "$base"
}

build() {
    make_base
    local commit
    commit=$(git describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || true)
    # The host's certificates are there during the build only, for networks with an authority of their own. The time of
    # the commit is the time of every file, so that the day of the build changes no layer.
    podman build --layers --network host --volume /etc/ssl/certs:/etc/ssl/certs:ro \
        --timestamp "$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
        --build-arg BASE="$base" \
        --build-arg GIT_BRANCH="$(git rev-parse --abbrev-ref HEAD 2>/dev/null || true)" \
        --build-arg GIT_HASH="$commit" \
        --target "$1" --tag "$image:$1" .
    podman image inspect --format 'Built {{index .RepoTags 0}}, {{.Size}} bytes.' "$image:$1"
}

run() {
    local target=$1 scratch=${HOST_SCRATCH_DIR:-scratch} artifacts=${HOST_ARTIFACT_DIR:-artifacts} env_file=()
    shift
    for folder in "$scratch" "$artifacts"; do [ -d "$folder" ] || install -d -o 1000 -g 1000 "$folder"; done
    [ ! -f .env ] || env_file=(--env-file .env)
    podman run --rm "${env_file[@]}" \
        --env 'NIBRS_*' --env DATA_YEAR --env 'PG*' --env 'AWS_*' --env 'S3_*' --env EXTERNAL_STORE --env LOG_THRESHOLD \
        --env SCRATCH_DIR=/scratch --env ARTIFACT_STORE="${ARTIFACT_STORE:-/store/artifacts}" \
        --user "$(stat --format '%u:%g' "$scratch")" \
        --volume "$(realpath "$scratch")":/scratch --volume "$(realpath "$artifacts")":/store/artifacts \
        "$image:$target" "$@"
}

case ${1:-} in
    -h | --help) help ;;
    build | run)
        action=$1
        target=runtime
        shift
        case ${1:-} in runtime | dev) target=$1 && shift ;; esac
        check_machine
        "$action" "$target" "$@"
        ;;
    *)
        help >&2
        exit 2
        ;;
esac
