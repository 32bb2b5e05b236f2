"""Serving: predictions, recommendations and what they are worth, without torch."""
