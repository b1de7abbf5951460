#!/bin/sh
# Makes the passwords and the admin token of the stack, once: the volumes keep them over restarts.
# /secrets is for InfluxDB alone, /grafana for Grafana alone. The tokens by which the collector and
# Grafana reach InfluxDB are made by InfluxDB itself: deploy/tokens.py.
set -eu
if [ -s /secrets/grafana_password ]; then
  mv /secrets/grafana_password /grafana/grafana_password  # where it was in earlier versions
fi
for file in /secrets/influxdb_password /secrets/influxdb_token /grafana/grafana_password; do
  [ -s "$file" ] && continue
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$file.new"
  chmod 0444 "$file.new"
  mv "$file.new" "$file"
  echo "made $file"
done
