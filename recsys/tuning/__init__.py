"""Tuning: search the hyperparameters of a preset, judged on valid alone.

`search` runs the trials of a `study` in worker processes; `challenge` compares the best
configuration with that of the current model.
"""
