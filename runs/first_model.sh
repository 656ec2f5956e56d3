#!/bin/sh
# Train the first packaged models: both candidates, then the files of the chosen one into the package.
#
#   sh runs/first_model.sh [DATA] [OUT]
#
# DATA is FER-2013 with FER+ votes. Each candidate takes about 45 minutes on one free processor core. Stop it at any
# time and start it again: finished runs are kept, a broken one goes on from its last epoch.
# The choice between the candidates is made on the validation split (dev/log.md, 2026-11-21): the one with both heads.
set -eu
cd "$(dirname "$0")/.."
data=${1:-../shared/data/fer2013}
out=${2:-out}
chosen=first_both

for name in first_both first_labels; do
    run=$out/$name
    if [ -f "$run/report.html" ]; then
        echo "$run is finished"
    elif [ -f "$run/checkpoints/last.ckpt" ]; then
        mien train "$data" --out "$run" --resume
    else
        rm -rf "$run"
        mien train "$data" --out "$run" --config "runs/$name.toml"
    fi
done
mien compare "$out/first_both" "$out/first_labels"

mkdir -p src/mien/assets/models
cp "$out/$chosen/model.onnx" src/mien/assets/models/fer2013.onnx
cp "$out/$chosen/model-votes.onnx" src/mien/assets/models/ferplus.onnx
mien evaluate src/mien/assets/models/fer2013.onnx "$data" --split validation
mien evaluate src/mien/assets/models/ferplus.onnx "$data" --split validation
