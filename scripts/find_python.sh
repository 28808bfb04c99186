#!/bin/sh
# Prints a Python that runs: `find_python.sh` the newest from 3.11 on, `find_python.sh 3.13` exactly that one.
# A name on PATH proves nothing (a version manager's shim may refuse), so every candidate is started.
set -u

runs() { "$1" -c "import sys; sys.exit(not sys.version_info >= (3, 11))" >/dev/null 2>&1; }
is() { "$1" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1; }

if [ $# -eq 0 ]; then
  for name in python3.13 python3.12 python3.11 python3; do
    if runs "$name"; then command -v "$name"; exit 0; fi
  done
  found=$(python3 --version 2>/dev/null || echo "no python3 at all")
  echo "farpoint needs Python 3.11 or newer; found $found." >&2
  echo "Install one (Debian and Ubuntu: sudo apt install python3.11 python3.11-venv; macOS: brew install python) and try again." >&2
  exit 1
fi

for name in "python$1" python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
  if is "$name" "$1"; then command -v "$name"; exit 0; fi
done
exit 1
