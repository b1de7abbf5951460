"""The Collector dashboard: whether what the others show can be believed."""
