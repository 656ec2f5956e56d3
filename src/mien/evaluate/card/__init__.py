"""A model card in Markdown, made from evaluations: what was measured and how, and what the models are not for."""

from __future__ import annotations

from mien.evaluate.card.page import card_purpose, model_card, write_card

__all__ = ["card_purpose", "model_card", "write_card"]
