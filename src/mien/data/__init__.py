"""Data sets as tables."""
