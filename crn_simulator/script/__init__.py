"""What happens in a simulated network: its nodes, their faults, and when; no sockets."""
