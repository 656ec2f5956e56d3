"""Video in and out: sources of frames, time lines, annotated video, reports."""
