"""Judges any classifier."""
