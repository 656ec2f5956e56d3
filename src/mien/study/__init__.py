"""Many videos of many people -> one table per participant, file and epoch, with codebook, exports and report."""
