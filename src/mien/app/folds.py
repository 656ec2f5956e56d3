"""What a cross-validation came to, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mien.learn.folds import FoldsOutcome

__all__ = ["tell"]


def tell(outcome: FoldsOutcome) -> None:
    """Print mean and deviation of the folds, the pooled figures, and where the report is."""
    done = len(outcome.done)
    if done < outcome.folds:
        click.echo(f"{outcome.run}: {done} of {outcome.folds} folds are complete; go on with --resume.")
    if not done:
        return
    parts = [
        f"{name} {mean:.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")
        for name, (mean, deviation) in (
            ("accuracy", outcome.results["accuracy"]),
            ("macro-F1", outcome.results["macro_f1"]),
            ("balanced accuracy", outcome.results["balanced_accuracy"]),
        )
    ]
    click.echo(f"{outcome.run}: {', '.join(parts)} (mean and standard deviation of {done} folds)")
    low, high = outcome.pooled["accuracy_interval"]
    click.echo(
        f"All {outcome.pooled['n']:,} pictures together: accuracy {outcome.pooled['accuracy']:.4f} "
        f"(95 % interval {low:.4f} to {high:.4f})"
    )
    click.echo(f"Report: {outcome.run / 'report.html'}")
