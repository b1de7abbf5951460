"""A fuzzer that knows what valid answers of a node look like, and what may come of any other.

`answer` makes mutated answers, `memory` and `server` give them to the real code (in memory, and
over TLS), `rounds` judges what was seen, `check_visit` and `check_round` say what is wrong with it.
"""
