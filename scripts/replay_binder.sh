#!/bin/sh
# What Binder does, without a container: binder/ followed step by step in a folder of its own, then the notebook is run.
#     replay_binder.sh <folder> [python]
set -eu
folder=$1 python=${2:-python3}
here=$(cd "$(dirname "$0")/.." && pwd)

rm -rf "$folder"
mkdir -p "$folder/home"
git init --quiet "$folder/home" # as there: a project of its own, though this folder may lie in another checkout
folder=$(cd "$folder" && pwd) # a relative one would mean another place below, and pip another environment
git -C "$here" ls-files -z | (cd "$here" && xargs -0 tar cf - 2>/dev/null) | tar xf - -C "$folder/home"
"$python" -m venv "$folder/env"
PATH=$folder/env/bin:$PATH HOME=$folder/home
unset FARPOINT_STATE FARPOINT_CONFIG VIRTUAL_ENV
export PATH HOME XDG_STATE_HOME="$folder/home/.local/state"
cd "$HOME"
[ "$(command -v python)" = "$folder/env/bin/python" ] || { echo "no environment of its own was made in $folder" >&2; exit 1; }
python -m pip install --quiet -r binder/requirements.txt
./binder/postBuild
./binder/start jupyter lab --version
./binder/start farpoint machines
begun=$(date +%s)
./binder/start jupyter execute --timeout 600 notebooks/quickstart.ipynb --inplace
echo "The notebook of the visitor took $(($(date +%s) - begun)) s."
(cd notebooks && ../binder/start farpoint ls) | tee "$folder/scans.txt"
[ "$(grep -c "12 COMPLETED\|16 COMPLETED" "$folder/scans.txt")" = 2 ] || { echo "the scans did not finish" >&2; exit 1; }
grep -q "image/png" notebooks/quickstart.ipynb || { echo "no figure came back" >&2; exit 1; }
