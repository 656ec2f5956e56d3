"""All photographs of a folder in, a table with a row per face out; needs pandas (pip install "mien[pandas]").

python examples/folder.py album/ faces.csv
"""

import sys
from pathlib import Path

import mien

folder, table = sys.argv[1:]
photos = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
faces = mien.to_frame(mien.Analyzer().reports(photos))
faces.to_csv(table, index=False)
print(faces["emotion"].value_counts().to_string())
