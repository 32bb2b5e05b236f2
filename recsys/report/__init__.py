"""One HTML page: `sections.py` arranges exhibits of findings, `page.py` writes them."""
