"""One small file per face detector; `mien.infer.detect` opens them by name."""
