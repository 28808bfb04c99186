#!/bin/sh
# What Binder does, without a container: binder/ followed step by step in a folder of its own, then the notebook is run.
#     replay_binder.sh <folder> [python]
set -eu
folder=$1 python=${2:-python3}
here=$(cd "$(dirname "$0")/.." && pwd)

rm -rf "$folder"
mkdir -p "$folder/home"
git -C "$here" ls-files -z | (cd "$here" && xargs -0 tar cf - 2>/dev/null) | tar xf - -C "$folder/home"
"$python" -m venv "$folder/env"
PATH=$folder/env/bin:$PATH HOME=$folder/home
unset FARPOINT_STATE FARPOINT_CONFIG VIRTUAL_ENV
export PATH HOME XDG_STATE_HOME="$folder/home/.local/state"
cd "$HOME"
python -m pip install --quiet -r binder/requirements.txt
./binder/postBuild
./binder/start jupyter lab --version
./binder/start farpoint machines
./binder/start jupyter execute --timeout 600 notebooks/quickstart.ipynb --inplace
python - <<'PYTHON'
import json, pathlib
cells = json.loads(pathlib.Path("notebooks/quickstart.ipynb").read_text())["cells"]
outputs = [output for cell in cells for output in cell.get("outputs", [])]
text = json.dumps(outputs)
assert "12 COMPLETED" in text and "16 COMPLETED" in text, "the scans did not finish"
assert any("image/png" in output.get("data", {}) for output in outputs), "no figure came back"
print("The notebook of the visitor ran:", len(outputs), "outputs.")
PYTHON
