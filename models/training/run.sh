#!/bin/sh
# Makes everything again: stock, base, folds, the model that ships, its card. SCALE=2 renders and trains twice as long.
# SCALE=0.01 OUT=/tmp/smoke RUNS=/tmp/smoke/runs STOCK=/tmp/smoke/stock goes through every step in minutes, and makes nothing
# worth having: it shows that all of it still runs.
# POINCON_SHARED names the folder with data/engravings and data/omniglot. One thread per run.
set -eu
cd "$(dirname "$0")"
: "${POINCON_SHARED:?names the folder with the data}" "${SCALE:=1}" "${PYTHON:=python3}"
: "${RUNS:=runs}" "${STOCK:=stock}" "${CACHE:=cache}" "${OUT:=../engraving-embedder}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
mkdir -p "$RUNS" "$STOCK" "$CACHE" "$OUT"
# A whole number of them, never none; not fewer than the second argument says.
scaled() { awk -v n="$1" -v least="${2:-1}" -v s="$SCALE" 'BEGIN { n = int(n * s + 0.5); print (n < least) ? least : n }'; }
"$PYTHON" stock.py --cache "$CACHE" --stock "$STOCK" --kind synthetic --batches "$(scaled 670)" --families "$(scaled 4000 22)"
"$PYTHON" stock.py --cache "$CACHE" --stock "$STOCK" --kind real --batches "$(scaled 450)"
train() { "$PYTHON" train.py --cache "$CACHE" --stock "$STOCK" --threads 1 "$@"; }
real() { train --init "$RUNS/base.raw.pt" --real --steps "$(scaled 2500)" --rate 1e-3 "$@"; }
train --out "$RUNS/base.pt" --steps "$(scaled 5300)"
for fold in 0 1 2 3; do
  real --out "$RUNS/fold$fold.pt" --fold "$fold"
  train --out "$RUNS/plain$fold.pt" --plain --real --fold "$fold" --steps "$(scaled 700)"
done
real --out "$RUNS/known.pt"
train --out "$RUNS/final.pt" --init "$RUNS/known.raw.pt" --real --everything --steps "$(scaled 1000)" --rate 6e-4
"$PYTHON" export.py --model "$RUNS/final.pt" --out "$OUT/engraving-embedder.onnx"
"$PYTHON" golden.py --model "$RUNS/final.pt" --out "$OUT/golden.json"
"$PYTHON" evaluate.py --runs "$RUNS" --cache "$CACHE" --out "$OUT"
