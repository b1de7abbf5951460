"""What rounds add up to: up and down with hysteresis, events, and what is due when."""
