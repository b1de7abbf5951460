"""The Collector dashboard: rounds, vantages, stores and delivery."""
