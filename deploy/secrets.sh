#!/bin/sh
# Makes the passwords and the token of the stack, once: /secrets keeps them over restarts.
# Each is a file of its own that only the containers with this volume can read.
set -eu
for name in influxdb_password influxdb_token grafana_password; do
  file=/secrets/$name
  [ -s "$file" ] && continue
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$file.new"
  chmod 0444 "$file.new"
  mv "$file.new" "$file"
  echo "made $name"
done
