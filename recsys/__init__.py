"""Turn a ratings file into recommendations that live in SQL.

The story in reading order: sources -> warehouse (and `sql/`) -> dataset -> features ->
gaussian -> teacher -> lesson -> model -> training -> export -> registry -> scoring ->
verification, recommendation, batch_scoring -> pipeline -> cli.
"""
