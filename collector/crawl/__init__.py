"""One round over all nodes: its schedule, its gate, its visits, and what it leaves behind."""
