#!/bin/sh
# Makes everything again: stock, base, folds, the model that ships, its card. SCALE=2 renders and trains twice as long.
# POINCON_SHARED names the folder with data/engravings and data/omniglot. One thread per run.
set -eu
cd "$(dirname "$0")"
: "${POINCON_SHARED:?names the folder with the data}" "${SCALE:=1}" "${PYTHON:=python3}" "${RUNS:=runs}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
mkdir -p "$RUNS"
"$PYTHON" stock.py --kind synthetic --batches "$((SCALE * 670))" --families "$((SCALE * 4000))"
"$PYTHON" stock.py --kind real --batches "$((SCALE * 450))"
train() { "$PYTHON" train.py --cache cache --stock stock --threads 1 "$@"; }
real() { train --init "$RUNS/base.raw.pt" --real --steps "$((SCALE * 2500))" --rate 1e-3 "$@"; }
train --out "$RUNS/base.pt" --steps "$((SCALE * 5300))"
for fold in 0 1 2 3; do
  real --out "$RUNS/fold$fold.pt" --fold "$fold"
  train --out "$RUNS/plain$fold.pt" --plain --real --fold "$fold" --steps "$((SCALE * 700))"
done
real --out "$RUNS/known.pt"
train --out "$RUNS/final.pt" --init "$RUNS/known.raw.pt" --real --everything --steps "$((SCALE * 1000))" --rate 6e-4
"$PYTHON" export.py --model "$RUNS/final.pt" --out ../engraving-embedder/engraving-embedder.onnx
"$PYTHON" golden.py --model "$RUNS/final.pt" --out ../engraving-embedder/golden.json
"$PYTHON" evaluate.py --runs "$RUNS"
