"""The Hugging Face hub: what is written for it, and the only code that talks to it, when a person asks."""
