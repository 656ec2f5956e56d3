#!/bin/sh
# The table of docs/experiments.md: every architecture by one short protocol, and a few choices beside it.
#
#   sh runs/experiments.sh [DATA] [OUT]
#
# PARALLEL runs go at a time (2), one thread each. Finished runs are kept, broken ones go on from their last epoch.
# FULL=1 takes the full protocol instead (all pictures, 60 epochs), for a machine with a GPU.
set -eu
cd "$(dirname "$0")/.."
data=${1:-../shared/data/fer2013}
out=${2:-out/experiments}
mkdir -p "$out"
export DATA="$data" OUT="$out" OMP_NUM_THREADS=1 FULL="${FULL:-}"

one() {
    name=$1
    shift
    run=$OUT/$name
    full=""
    if [ -n "$FULL" ]; then full="--sample 0 --epochs 60 --batch-size 128 --set warmup=2"; fi
    if [ -f "$run/report.html" ]; then
        echo "$name: finished"
    elif [ -f "$run/checkpoints/last.ckpt" ]; then
        mien train "$DATA" --out "$run" --resume >>"$OUT/$name.log" 2>&1
    else
        rm -rf "$run"
        # shellcheck disable=SC2086
        mien train "$DATA" --out "$run" --config runs/experiments.toml $full "$@" >"$OUT/$name.log" 2>&1
    fi
    tail -n 2 "$OUT/$name.log" | head -n 1
}

# Mixed precision makes depthwise convolutions slower on processors, so those networks run in float32.
# A line per run: its name, then its options. The first run of each kind comes before what builds on it.
list() {
    cat <<'RUNS'
mien-s --model mien-s
mobilenetv2-votes --model mobilenetv2 --targets votes --precision 32
ann --model ann
cnn --model cnn
mien-xs --model mien-xs
mien-m --model mien-m
mien-s-rgb --model mien-s --color rgb
mien-s-weights --model mien-s --balance weights
mien-s-sampler --model mien-s --balance sampler
mien-s-4 --model mien-s --classes happy,sad,surprise,neutral
mien-s-light --model mien-s --augment light
mien-s-both --model mien-s --targets both
mobilenetv2 --model mobilenetv2 --precision 32
freeze-head --model mobilenetv2 --precision 32 --weights OUT/mobilenetv2-votes/model.safetensors --freeze head-only
freeze-20 --model mobilenetv2 --precision 32 --weights OUT/mobilenetv2-votes/model.safetensors --freeze 20
freeze-none --model mobilenetv2 --precision 32 --weights OUT/mobilenetv2-votes/model.safetensors --freeze none
densenet121 --model densenet121
vgg16 --model vgg16
resnet50v2 --model resnet50v2
densenet169 --model densenet169
efficientnet_b0 --model efficientnet_b0 --precision 32
freeze-staged --model mobilenetv2 --precision 32 --weights OUT/mobilenetv2-votes/model.safetensors --config runs/experiments_stages.toml
RUNS
}

if [ "${3:-}" = one ]; then
    shift 3
    one "$@"
    exit
fi
# The freeze runs start from the weights of mobilenetv2-votes, so they come last. A run that fails has no row.
for kind in "-v" ""; do
    list | grep $kind "^freeze-" | sed "s|OUT/|$out/|g" |
        xargs -P "${PARALLEL:-2}" -L 1 sh runs/experiments.sh "$data" "$out" one || echo "some runs failed, see $out" >&2
done
python runs/experiments.py "$out" docs/experiments.md
