"""The parts of `mien.app.spaces`, and its templates."""
