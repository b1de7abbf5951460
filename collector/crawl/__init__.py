"""One round over all nodes: its schedule, its gate, its visits, and what is stored at its end."""
