"""Training on several data sets at once: one trunk, and for every set of labels a head of its own."""
