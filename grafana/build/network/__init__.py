"""The Network dashboard: what a newcomer looks at first."""
