"""A photograph in; the expression of every face, and a copy with boxes out.

python examples/photograph.py photo.jpg
"""

import sys
from pathlib import Path

import cv2

import mien
from mien.media.overlay import annotated
from mien.pictures.decode import load_image

photo = Path(sys.argv[1])
readings = mien.analyze(photo)
for face in readings:
    others = " ".join(f"{label} {p:.2f}" for label, p in face.probabilities.items())
    print(f"{face.caption:12} {face.confidence:.0%}  {others}")
cv2.imwrite(f"{photo.stem}-read.png", annotated(load_image(photo), readings))
