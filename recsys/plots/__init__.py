"""Figures: the only package that imports matplotlib.

Flows in: records of `evidence.py`. Flows out: pictures, as SVG that follows the page's light
or dark colours, or as PNG. `canvas` draws and saves; `model_charts` and `tuning_charts` say
what. Never imports torch. The next file is `report/exhibit.py`.
"""
