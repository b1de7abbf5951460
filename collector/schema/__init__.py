"""What is written: columns, measurements, and their line protocol. The only place that names it."""
