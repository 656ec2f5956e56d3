"""The second look at faces that are not sure: its network, what it learns from, and how both looks are joined."""
