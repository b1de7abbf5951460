"""Hold the dashboards and rules against a real Grafana: `python -m grafana.check`.

`GRAFANA_URL` names it, `GRAFANA_USER` and `GRAFANA_PASSWORD` (or `GRAFANA_TOKEN`) open it. What is
not there yet is made through its API: `GRAFANA_INFLUXDB_URL`, `GRAFANA_INFLUXDB_DATABASE` and
`GRAFANA_INFLUXDB_TOKEN` say where the data is. Nothing here is needed to run the collector.
"""
