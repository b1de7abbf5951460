"""Write the dashboards and alert rules as JSON from plain helpers: `python -m grafana.build`.

A dashboard is a list of rows of panels; a panel is a dict in Grafana's classic model; a query is
InfluxQL text that is held against the schema and against what InfluxDB 1.x, 2.x and 3.x share.
"""
