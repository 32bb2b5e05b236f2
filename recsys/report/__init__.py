"""One HTML page: `exhibits.py` arranges figures and findings, `page.py` writes them."""
