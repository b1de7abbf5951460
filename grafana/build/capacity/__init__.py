"""The Capacity dashboard: total, free, where, and over time."""
