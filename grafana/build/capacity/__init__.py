"""The Capacity dashboard: what there is, what is free, where, and what was free when."""
