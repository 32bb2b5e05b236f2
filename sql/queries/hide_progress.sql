-- Keep DuckDB's progress bar off stdout, which is for results.
set enable_progress_bar = false;
