#!/usr/bin/env bash
# Gets the InfluxDB servers that no distribution packages into a folder ($1); what is there stays.
# Needs Go, and for 2.7 also Rust and clang or gcc. InfluxDB 1.6 is Debian's package `influxdb`.
set -euo pipefail

folder=$1
mkdir -p "$folder"
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

need() {
  command -v "$1" >/dev/null || { echo "$1 is needed to build InfluxDB $2" >&2; exit 1; }
}

influxdb_1_8() {
  need go 1.8
  GOBIN=$work go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10
  mv "$work/influxd" "$folder/influxd-1.8"
}

# Its query language is a Rust library, found by a pkg-config of its own. Rust's newer warnings would
# stop that library's build, which takes no flags from outside: hence the wrapper.
influxdb_2_7() {
  need go 2.7
  need cargo 2.7
  GOBIN=$work go install github.com/influxdata/pkg-config@v0.2.7
  printf '#!/bin/sh\nexec "$@" --cap-lints allow\n' >"$work/rustc-wrapper"
  chmod +x "$work/rustc-wrapper"
  mkdir "$work/module"
  (
    cd "$work/module"
    printf 'module servers\n\ngo 1.24\n\ntool %s/v2/cmd/influxd\n\nrequire %s/v2 v2.7.12\n' \
      github.com/influxdata/influxdb github.com/influxdata/influxdb >go.mod
    go mod tidy
    PKG_CONFIG=$work/pkg-config RUSTC_WRAPPER=$work/rustc-wrapper RUSTUP_TOOLCHAIN=stable \
      go build -o "$folder/influxd-2.7" github.com/influxdata/influxdb/v2/cmd/influxd
  )
}

for version in 1.8 2.7; do
  if [ -x "$folder/influxd-$version" ]; then
    echo "InfluxDB $version is there"
  else
    echo "building InfluxDB $version (once, up to 6 minutes)"
    "influxdb_${version/./_}" >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }
  fi
done
