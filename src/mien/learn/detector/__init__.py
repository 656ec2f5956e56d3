"""Training of the face detector: settings, data, augmentation, network, loss, loop, export."""
