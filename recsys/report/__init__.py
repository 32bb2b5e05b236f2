"""The report: one HTML page of what the tables say; the only room with matplotlib."""
