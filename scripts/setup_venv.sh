#!/bin/sh
# Makes or mends a virtual environment with farpoint (from this checkout) in it:
#     setup_venv.sh <folder> <python> <requirement or --group name>…
# A folder that was moved, or whose Python is gone, is made again.
set -eu
venv=$1 python=$2
shift 2

if ! "$venv/bin/python" -c "import sys; sys.exit(sys.prefix == sys.base_prefix)" 2>/dev/null; then
  rm -rf "$venv"
  echo "Making $venv with $("$python" --version) …"
  if ! "$python" -m venv "$venv"; then
    echo "$python cannot make virtual environments. Debian and Ubuntu: sudo apt install python3-venv" >&2
    exit 1
  fi
fi
case $("$venv/bin/python" -c "import sys; print(sys.prefix)") in
  "$(cd "$venv" && pwd -P)" | "$(cd "$venv" && pwd)") ;;
  *) rm -rf "$venv"; exec "$0" "$venv" "$python" "$@" ;;
esac

echo "Installing farpoint and what it needs into $venv (a minute or two, once) …"
"$venv/bin/python" -m pip install --quiet --upgrade "pip>=25.1"
if ! "$venv/bin/python" -m pip install --quiet uv ||
   ! "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" "$@"; then
  echo "uv is of no use here; pip does it, a little slower."
  "$venv/bin/python" -m pip install --quiet "$@"
fi
# Compiled now, whatever PYTHONDONTWRITEBYTECODE says: else every kernel of every point would compile it all again.
"$venv/bin/python" -m compileall -q -j 0 "$venv/lib" >/dev/null 2>&1 || true
