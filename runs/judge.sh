#!/bin/sh
# Judge the packaged expression models and write MODEL_CARD.md and the evaluations beside the model files.
# Reads FER-2013's test split: once for each release. Usage: runs/judge.sh [DATA] [OUT]
set -eu
cd "$(dirname "$0")/.."
data=${1:-../shared/data/fer2013}
out=${2:-out/ship}
models=src/mien/assets/models
wild=$(dirname "$data")/expw

# judge MODEL DATA SPLIT NAME [OPTION...]: into OUT/judged/NAME.json, unless it is there.
judge() {
    model=$1 source=$2 split=$3 name=$4
    shift 4
    if [ ! -f "$out/judged/$name.json" ]; then
        mien evaluate "$model" "$source" --split "$split" --json "$@" > "$out/judged/$name.part"
        mv "$out/judged/$name.part" "$out/judged/$name.json"
    fi
}

mkdir -p "$out/judged"
set --
for name in wild-int8 wild wild-small fer2013 ferplus fer2013-int8 ferplus-int8; do
    # The float32 copy of wild-int8 is slow, and damaged pictures take 40 times as long.
    more=--corruptions
    [ "$name" = wild ] && more=
    judge "$name" "$data" test "$name" --flip $more --conditions --speed
    judge "$name" "$wild" validation "$name-expw" --conditions
    cp "$out/judged/$name.json" "$models/$name.evaluation.json"
    set -- "$@" "$out/judged/$name.json" "$out/judged/$name-expw.json"
done
python3 -c '
import sys
from mien.evaluate.card import write_card
from mien.evaluate.records import read_evaluation
write_card("MODEL_CARD.md", [read_evaluation(path) for path in sys.argv[1:]])
' "$@"
