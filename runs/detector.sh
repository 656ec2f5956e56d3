#!/bin/sh
# From the photographs with face boxes to the packaged face detector. About 100 minutes on one processor core.
# Usage: runs/detector.sh [DATA] [RUN] [MINUTES]; a run that was stopped goes on when the same line is given again.
set -eu

data=${1:-../shared/data/faces}
run=${2:-out/detector}
minutes=${3:-98}

python -m mien.learn.detector train "$data/train-0.parquet" "$data/train-1.parquet" --out "$run" --minutes "$minutes"
python -m mien.learn.detector export "$run" "$data/val.parquet" --out "$run/face.onnx"
mien evaluate-detector "$data/val.parquet" --detector "$run/face.onnx" --enlarge
cp "$run/face.onnx" src/mien/assets/models/face.onnx
