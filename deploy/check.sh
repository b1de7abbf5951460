#!/usr/bin/env bash
# Builds the image without an engine and runs it. The base is BASE_IMAGE if it is given; otherwise
# a tree of Debian's packages stands in, so that no image registry is needed. The wheels of the
# lock file are fetched by pip outside. Needs buildah and, without BASE_IMAGE, debootstrap.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
folder=$(mktemp -d)
run=(buildah --root "$folder/storage" --runroot "$folder/run" --storage-driver vfs)
container=""
finish() {
  [ -z "$container" ] || "${run[@]}" rm "$container" > /dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

mkdir "$folder/context"
cp -r collector crn_simulator pyproject.toml requirements.lock README.md LICENSE deploy .dockerignore "$folder/context"
"$python" -m pip download --quiet --require-hashes --no-deps --dest "$folder/context/wheels" \
  -r requirements.lock

base=${BASE_IMAGE:-}
if [ -z "$base" ]; then
  base=localhost/base
  archive=$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" | head -n 1)
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "$release" "$folder/tree" "$archive" > "$folder/debootstrap.log" \
    || { tail -n 20 "$folder/debootstrap.log"; exit 1; }
  empty=$("${run[@]}" from scratch)
  "${run[@]}" copy --quiet "$empty" "$folder/tree" /
  "${run[@]}" commit --quiet "$empty" "$base" > /dev/null
  "${run[@]}" rm "$empty" > /dev/null
  rm -rf "$folder/tree"
fi

"${run[@]}" bud --quiet --isolation chroot --format docker --build-arg "BASE=$base" \
  --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=wheels \
  --tag crn-collector:check --file "$folder/context/deploy/Dockerfile" "$folder/context"

container=$("${run[@]}" from crn-collector:check)
inside=("${run[@]}" run --isolation chroot "$container" --)
"${inside[@]}" crn-collector --version
"${inside[@]}" crn-collector check-config > /dev/null
[ "$("${inside[@]}" id -u)" = 10001 ] || { echo "the image does not run as its own user"; exit 1; }
if answer=$("${inside[@]}" crn-collector health 2> /dev/null); then
  echo "health reports success although no round was ever written: $answer"
  exit 1
fi
echo "health without a round: $answer"
# The demo of docker-compose.demo.yml: a simulated network writes the configuration to crawl it.
"${inside[@]}" timeout --preserve-status --signal TERM 20 crn-collector simulate --nodes 3 \
  --config /demo/collector.toml 2> /dev/null
"${inside[@]}" grep -q api_hosts /demo/collector.toml \
  || { echo "the simulated network of the image did not start"; exit 1; }
echo "the image is built and runs"
