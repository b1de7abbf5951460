"""Frozen values that every other package speaks of. They import nothing but one another."""
