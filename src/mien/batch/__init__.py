"""The same analysis over millions of files, on the processors of one machine or of many.

`run_batch` does a job, `read_faces` and `read_inputs` give its results. `docs/batch.md` describes the files.
"""

from mien.batch.job import Outcome, run_batch
from mien.batch.results import read_faces, read_inputs
from mien.batch.settings import Settings

__all__ = ["Outcome", "Settings", "read_faces", "read_inputs", "run_batch"]
