#!/bin/sh
# Every command once, on little data, with a tiny network: about two minutes on two cores.
# Usage: smoke.sh [DATA [WORK]]; DATA is the folder with train/ and eval/, WORK is kept if it is given.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=${1:-$here/../../../shared/data}
python=${PYTHON:-python3}
if [ $# -ge 2 ]; then
    work=$2
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
"$python" "$here/test_training.py"
"$python" "$here/prepare.py" --smoke --data "$data" --work "$work"
"$python" "$here/train.py" --smoke --work "$work" --run "$work/run"
"$python" "$here/export.py" --smoke --weights "$work/run/weights.pt" --out "$work/model" --audio "$data/eval"
"$python" "$here/evaluate.py" --smoke --data "$data" --model "$work/model" --json "$work/figures.json"
