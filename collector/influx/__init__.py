"""Delivery of stored rounds to InfluxDB, any generation."""
