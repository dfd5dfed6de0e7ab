#!/bin/sh
# Makes everything again: stock, base, folds, the model that ships, its card. MINUTES scales it (per run, base four times that).
# POINCON_SHARED names the folder with data/engravings and data/omniglot. One thread per run.
set -eu
cd "$(dirname "$0")"
: "${POINCON_SHARED:?names the folder with the data}" "${MINUTES:=10}" "${BATCHES:=1500}" "${PYTHON:=python3}" "${RUNS:=runs}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
mkdir -p "$RUNS"
"$PYTHON" stock.py --kind synthetic --batches "$BATCHES"
"$PYTHON" stock.py --kind real --batches "$((BATCHES / 3))"
train() { "$PYTHON" train.py --cache cache --stock stock "$@"; }
train --out "$RUNS/base.pt" --minutes "$((MINUTES * 4))"
for fold in 0 1 2 3; do
  train --out "$RUNS/fold$fold.pt" --init "$RUNS/base.raw.pt" --real --fold "$fold" --minutes "$MINUTES" --rate 1e-3
  train --out "$RUNS/plain$fold.pt" --plain --real --fold "$fold" --minutes "$MINUTES"
done
train --out "$RUNS/known.pt" --init "$RUNS/base.raw.pt" --real --minutes "$MINUTES" --rate 1e-3
train --out "$RUNS/final.pt" --init "$RUNS/base.raw.pt" --real --everything --minutes "$MINUTES" --rate 1e-3
"$PYTHON" export.py --model "$RUNS/final.pt" --out ../engraving-embedder/engraving-embedder.onnx
"$PYTHON" golden.py --model "$RUNS/final.pt" --out ../engraving-embedder/golden.json
"$PYTHON" evaluate.py --runs "$RUNS"
