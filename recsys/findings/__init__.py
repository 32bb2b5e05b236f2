"""What the tables say, in titles and sentences: `evidence.py` reads, the others conclude."""
