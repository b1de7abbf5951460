"""What an observer of a simulated network must find, computed from the script alone."""
