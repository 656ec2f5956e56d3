"""How the detector's numbers are rounded to 8 bits so that its answers change least."""
