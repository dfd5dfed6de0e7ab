#!/bin/sh
# Makes the locator again: pictures of simulated lenses, training, export. MINUTES: how long is trained. After npm run build.
set -eu
cd "$(dirname "$0")"
: "${MINUTES:=35}" "${PYTHON:=python3}" "${RUNS:=${TMPDIR:-/tmp}/lens-locator}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
mkdir -p "$RUNS"
pictures() { node ../../../dist/test/tools/lens-pictures.js --out "$RUNS/$1" --seed "$2" --count "$3" ${4:-} ${5:-}; }
pictures a 1000001 400 --half --crowded
pictures b 1000002 500 --half --crowded
pictures c 1000003 300 --half
pictures d 1000004 40 --crowded
"$PYTHON" train.py --train "$RUNS/a" "$RUNS/b" "$RUNS/c" "$RUNS/d" --out "$RUNS/locator.pt" --minutes "$MINUTES"
"$PYTHON" export.py --model "$RUNS/locator.pt" --out ../../lens-locator
