"""Values and rules of the project: numpy only, no files, no video, no models."""
