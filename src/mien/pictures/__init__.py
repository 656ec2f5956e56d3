"""Pictures in and out: any file, bytes or array to (H, W, 3) uint8 BGR, and back to a file."""
