"""The data: one DuckDB file, its SQL, what fills it and what it holds of models."""
