#!/bin/sh
# The import test and the unit tests under another Python, where this computer has it: test_python.sh 3.13 .venv-3.13
set -eu
version=$1 venv=$2
here=$(dirname "$0")

if ! python=$(sh "$here/find_python.sh" "$version"); then
  echo "Python $version: not on this computer, so nothing is tested under it."
  exit 0
fi
if [ ! -e "$venv/.ready" ] || [ pyproject.toml -nt "$venv/.ready" ]; then
  sh "$here/setup_venv.sh" "$venv" "$python" --editable ".[demo,scipy,xarray]" --group test
  touch "$venv/.ready"
fi
echo "Python $version: unit tests"
# What goes through a real sshd is the same under every Python, and takes minutes.
"$venv/bin/python" -m pytest tests/unit tests/tooling/test_door.py --ignore-glob="*/test_ssh.py" -n 2 --dist loadgroup -m "not slow" --quiet
