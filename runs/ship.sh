#!/bin/sh
# From FER-2013 with FER+ votes to the expression models inside the package.
#
#   sh runs/ship.sh [DATA] [OUT]             train what is missing, then write the files into the package
#   SEEDS="1 2 3" sh runs/ship.sh            once per seed; the best on the validation split ships
#
# Stop it at any time and start it again: finished runs are kept, a broken one goes on from its last epoch. On two free
# processor cores with AVX-512 BF16 the three teachers take about 2.5 hours, then every seed about 115 minutes. Every
# choice (epoch, calibration, threshold, which seed ships) is made on the validation split; the test split is read once,
# at the end, for the model card (and once for every seed, so that docs/training.md tells their spread).
set -eu
cd "$(dirname "$0")/.."
data=${1:-../shared/data/fer2013}
out=${2:-out/ship}
seeds=${SEEDS:-1}
models=src/mien/assets/models

# run NAME RECIPE [OPTION...]: train into OUT/NAME by runs/ship/RECIPE.toml unless it is finished.
run() {
    name=$1 recipe=$2
    shift 2
    if [ -f "$out/$name/report.html" ]; then
        echo "$out/$name is finished"
    elif [ -f "$out/$name/checkpoints/last.ckpt" ]; then
        mien train "$data" --out "$out/$name" --resume
    else
        rm -rf "${out:?}/$name"
        mien train "$data" --out "$out/$name" --config "runs/ship/$recipe.toml" "$@"
    fi
}

# taught_by RUN RUN: the setting that names two finished runs as teachers.
taught_by() {
    echo "teachers=[\"$out/$1\", \"$out/$2\"]"
}

# score RUN: accuracy on the validation split, the figure that chooses.
score() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["validation"]["labels"]["accuracy"])' "$1/run.json"
}

mkdir -p "$out" "$models"
run first first
run long long
run second second --weights "$out/long/model.safetensors" --set "$(taught_by long first)"
best= best_score=0
for seed in $seeds; do
    run "wide-$seed" wide --seed "$seed" --set "$(taught_by long second)"
    run "final-$seed" final --seed "$seed" --weights "$out/wide-$seed/model.safetensors" \
        --set "$(taught_by long "wide-$seed")"
    run "seed-$seed" light --seed "$seed" --weights "$out/final-$seed/model.safetensors" \
        --set "$(taught_by long "final-$seed")"
    new=$(score "$out/seed-$seed")
    echo "seed-$seed: validation accuracy $new"
    if [ "$(python3 -c "print(int($new > $best_score))")" = 1 ]; then
        best=seed-$seed best_score=$new
    fi
done
echo "$best ships"

mien export "$out/$best" "$models/fer2013.onnx" --name fer2013 --license MIT
mien export "$out/$best" "$models/ferplus.onnx" --name ferplus --license MIT --head votes
mien export "$out/$best" "$models/fer2013-int8.onnx" --name fer2013 --license MIT --int8 --data "$data"
mien export "$out/$best" "$models/ferplus-int8.onnx" --name ferplus --license MIT --int8 --data "$data" --head votes

sh runs/judge.sh "$data" "$out"

set --
for seed in $seeds; do
    set -- "$@" "$out/seed-$seed"
done
if [ $# -gt 1 ]; then
    python3 benchmarks/seeds.py "$data" "$@"
fi
