"""The error gallery of a run's report, with Grad-CAM of the network at hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import TrainError
from mien.core.types import Classifier
from mien.data.manifest import Manifest
from mien.evaluate.gallery import Explain, error_gallery, occlusion
from mien.evaluate.judge import Evaluation
from mien.evaluate.panel import Map
from mien.learn.gradcam import gradcam_of
from mien.learn.models import Network

__all__ = ["gallery_of"]


def gallery_of(
    network: Network, head: str, evaluation: Evaluation, validation: Manifest, classifier: Classifier
) -> str:
    """The section of the report, as HTML; a network without feature maps is explained by occlusion.

    Args:
        network: the run's, in evaluation mode, on the processor.
        head: name of the head that was judged.
        evaluation: of the validation split.
        validation: the pictures of that split.
        classifier: the head's model file.

    """
    return error_gallery(
        validation.select(evaluation.task.rows),
        evaluation.label,
        evaluation.probabilities,
        classifier,
        explain=_gradcam(network, head, occlusion(classifier)),
        leave_out="mien train --no-pictures",
    )


def _gradcam(network: Network, head: str, otherwise: Explain) -> Explain:
    def explain(crop: NDArray[np.uint8], column: int) -> Map:
        try:
            return Map("Grad-CAM", gradcam_of(network, head, crop, column), 1.0, "", "looked at")
        except TrainError:  # no feature maps, as in `ann`
            return otherwise(crop, column)

    return explain
