"""What is known of the nodes from round to round: up or down, events, and what is due when."""
