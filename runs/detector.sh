#!/bin/sh
# From the photographs with face boxes to the packaged face detector, in float32 and in 8 bit. About eleven hours on one
# processor core. Usage: runs/detector.sh [DATA] [OUT]; stopped, it goes on when the same line is given again.
# The last part alone goes on from the packaged file: START=src/mien/assets/models/face.onnx runs/detector.sh
set -eu
cd "$(dirname "$0")/.."
data=${1:-../shared/data}
out=${2:-out/detector}
models=src/mien/assets/models
first="$data/faces/train-0.parquet $data/faces/train-1.parquet"

# shellcheck disable=SC2086
if [ -z "${START:-}" ]; then
    mien train-detector $first --out "$out/first" --minutes 98
    mien train-detector $first --out "$out/second" --minutes 80 --start "$out/first/last.pt" --lr 1.2e-3
    mien train-detector $first "$data/faces2/train2.parquet" --out "$out/third" --minutes 65 --lr 6e-4 --workers 0 \
        --keep-start 0.5 --start "$out/second/last.pt" --second-look 0 \
        --validation "$data/faces/val.parquet" --validation "$data/faces2/val2.parquet"
fi
# Of the run that gave the file, the first 50 minutes of the fourth part had --large 0.25 --mosaic 0.5 (dev/log.md).
common="--lr 1.5e-3 --license MIT --deep 64 --broad 96"
judged="--validation $data/faces/val.parquet --validation $data/faces2/val2.parquet"
if [ -z "${START:-}" ]; then
    # shellcheck disable=SC2086
    mien train-detector $first "$data/faces2/train2.parquet" --out "$out/fourth" --minutes 72 --keep-start 0.5 \
        --start "$out/third/model.onnx" $common $judged --second-look 0
fi
# shellcheck disable=SC2086
mien train-detector $first "$data/faces2/train2.parquet" --out "$out/fifth" --minutes 98 --fine 32 \
    --start "${START:-$out/fourth/model.onnx}" $common $judged --second-look 0
# The network that looks again, taught on the mistakes of that file, whose own network stays as it is. When the packaged
# file was made, the sixth and seventh part learnt no landmarks yet, and had 128 squares a step, each once; the ninth,
# tenth and eleventh had a rate of 3e-4 and an average over 100 steps, and the teachers of the eleventh were the files
# of their parts before any mixing (dev/log.md, 2026-11-28).
again() {
    part=$1 from=$2 minutes=$3
    shift 3
    # shellcheck disable=SC2086
    mien train-detector $first "$data/faces2/train2.parquet" --out "$out/$part" --minutes 0 --fine 32 \
        --start "$out/$from/model.onnx" $common $judged --second-look "$minutes" "$@"
}
seventh="$out/seventh/model.onnx"
again sixth fifth 57
again seventh sixth 78 --seed 2
again eighth seventh 65 --seed 3 --mix-second "$seventh" 0.5
again ninth eighth 14 --seed 4
again tenth ninth 62 --seed 5 --mix-second "$seventh" 0.2
again eleventh tenth 60 --seed 6 --mix-second "$seventh" 0.1 --int8 \
    --second-teacher "$seventh" --second-teacher "$out/eighth/model.onnx" --second-teacher "$out/tenth/model.onnx"
for set in faces/val faces2/val2; do
    for way in "" --enlarge; do
        # shellcheck disable=SC2086
        mien evaluate-detector "$data/$set.parquet" --detector "$out/eleventh/model.onnx" \
            --detector "$out/eleventh/model-int8.onnx" $way
    done
done
cp "$out/eleventh/model.onnx" "$models/face.onnx"
cp "$out/eleventh/model-int8.onnx" "$models/face-int8.onnx"
