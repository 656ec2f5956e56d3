"""Judges classifiers and face detectors: figures, calibration, reports, model cards."""
