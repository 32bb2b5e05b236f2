"""Tuning: search the hyperparameters of a preset, judged on valid alone.

`study` is Optuna's side, `search` runs many trials at once. The best one then has to beat the
current model in `challenge.py`.
"""
