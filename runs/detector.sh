#!/bin/sh
# From the photographs with face boxes to the packaged face detector, in float32 and in 8 bit. About three hours on one
# processor core. Usage: runs/detector.sh [DATA] [OUT]; stopped, it goes on when the same line is given again.
set -eu
cd "$(dirname "$0")/.."
data=${1:-../shared/data/faces}
out=${2:-out/detector}
models=src/mien/assets/models

# learn NAME MINUTES [OPTION...]: one run into OUT/NAME, on both halves of the training photographs.
learn() {
    name=$1 minutes=$2
    shift 2
    [ -f "$out/$name/training.json" ] || python -m mien.learn.detector train \
        "$data/train-0.parquet" "$data/train-1.parquet" --out "$out/$name" --minutes "$minutes" "$@"
}

learn first 98
learn second 80 --start "$out/first/last.pt" --lr 1.2e-3
python -m mien.learn.detector export "$out/second" "$data/val.parquet" --out "$out/face.onnx"
python -m mien.learn.detector quantize "$out/face.onnx" "$data/train-0.parquet" "$data/val.parquet" \
    --out "$out/face-int8.onnx"
for way in "" --enlarge; do
    # shellcheck disable=SC2086
    mien evaluate-detector "$data/val.parquet" --detector "$out/face.onnx" --detector "$out/face-int8.onnx" $way
done
cp "$out/face.onnx" "$out/face-int8.onnx" "$models/"
