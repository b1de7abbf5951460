"""What the collector concluded, held against what was really true. Used by `bench/truth.py`.

What must be concluded is stated here anew, from the published words and the script of the simulated
network; nothing of the collector's own judgement is called for it.
"""
