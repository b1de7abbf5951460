#!/usr/bin/env bash
# Gets servers that no distribution packages into a folder ($1); what is there stays. Further arguments
# name those that are wanted; without any it gets all.
# Needs Go, and for influxd-2.7 also Rust and clang or gcc. InfluxDB 1.6 is Debian's package `influxdb`.
set -euo pipefail

folder=$1
shift
known=(influxd-1.8 influxd-2.7 blackbox_exporter)
[ $# -gt 0 ] || set -- "${known[@]}"
mkdir -p "$folder"
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

need() {
  command -v "$1" >/dev/null || { echo "$1 is needed to build $2" >&2; exit 1; }
}

# build_command MODULE VERSION PACKAGE FILE: build a command of a module, by a go.mod that names its version.
build_command() {
  mkdir "$work/module"
  (
    cd "$work/module"
    printf 'module servers\n\ngo 1.24\n\ntool %s\n\nrequire %s %s\n' "$3" "$1" "$2" >go.mod
    go mod tidy
    go build -o "$folder/$4" "$3"
  )
}

influxd-1.8() {
  need go "$1"
  GOBIN=$work go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10
  mv "$work/influxd" "$folder/$1"
}

# Its query language is a Rust library, found by a pkg-config of its own. Rust's newer warnings would
# stop that library's build, which takes no flags from outside: hence the wrapper.
influxd-2.7() {
  need go "$1"
  need cargo "$1"
  GOBIN=$work go install github.com/influxdata/pkg-config@v0.2.7
  printf '#!/bin/sh\nexec "$@" --cap-lints allow\n' >"$work/rustc-wrapper"
  chmod +x "$work/rustc-wrapper"
  local module=github.com/influxdata/influxdb/v2
  PKG_CONFIG=$work/pkg-config RUSTC_WRAPPER=$work/rustc-wrapper RUSTUP_TOOLCHAIN=stable \
    build_command $module v2.7.12 $module/cmd/influxd "$1"
}

# Only bench/peers.py needs it. 0.28 is of December 2025: the first whose log says nothing of each
# probe that succeeds, which would be measured too.
blackbox_exporter() {
  need go "$1"
  local module=github.com/prometheus/blackbox_exporter
  build_command $module v0.28.0 $module "$1"
}

for server in "$@"; do
  if [ -x "$folder/$server" ]; then
    echo "$server is there"
  elif [[ " ${known[*]} " == *" $server "* ]]; then
    echo "building $server (once, up to 6 minutes)"
    ("$server" "$server") >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }
    rm -rf "$work/module"
  else
    echo "no server $server; there are ${known[*]}" >&2
    exit 2
  fi
done
