#!/bin/sh
# Makes everything again: crops, stock, the network, its figures. MINUTES is what training takes; the stock takes as long.
# Needs the compiled project (npm run build) and the fonts that README.md names.
set -eu
cd "$(dirname "$0")"
: "${MINUTES:=25}" "${PYTHON:=python3}" "${NODE:=node}" "${DIST:=../../../dist}" "${WORK:=runs}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
mkdir -p "$WORK/crops" "$WORK/stock"
crops() { "$NODE" lens-crops.mjs --dist "$DIST" --kind "$1" --seed "$2" --count "$3" --out "$WORK/crops/$4"; }
# Seeds: 101 to 102 train, 201 chooses and fits the confidence, 301 and 302 are for the report.
crops sheets 101 110 train101
crops sheets 102 110 train102
crops scenes 201 90 choose
crops scenes 301 200 report
crops sheets 302 20 report-sheets
"$PYTHON" stock.py --out "$WORK/stock/drawn1.npz" --seed 1 --count 5000
for seed in 101 102; do "$PYTHON" stock.py --out "$WORK/stock/lens$seed.npz" --seed "$seed" --crops "$WORK/crops/train$seed" --each 3; done
"$PYTHON" train.py --stock "$WORK/stock" --out "$WORK/text.pt" --minutes "$MINUTES"
"$PYTHON" export.py --model "$WORK/text.pt" --folder ../../engraving-text
"$PYTHON" evaluate.py --model "$WORK/text.pt" --choose "$WORK/crops/choose" --report "$WORK/crops/report" \
  --sheets "$WORK/crops/report-sheets" --folder ../../engraving-text
"$PYTHON" card.py --folder ../../engraving-text
