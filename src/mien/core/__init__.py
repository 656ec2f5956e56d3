"""Values and rules of the project, and what every room shares: atomic writing, locks, text. Needs numpy only."""
