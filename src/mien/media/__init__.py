"""Frames and pictures in and out; knows no model."""
