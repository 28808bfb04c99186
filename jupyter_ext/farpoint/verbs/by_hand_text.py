"""The texts of a prepared folder: what to do with it, the lines that submit it, and how it is told that it was moved.

Knows words and lines of a POSIX shell; no project and no disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

README = """\
# {scan}: {points} points, to be submitted by hand

Made by farpoint. Nothing of farpoint has to be installed where this runs: the runner lies in `runner/`, and any
Python from 3.6 on starts it. Notebooks and functions need what they import.

1. If this folder was moved or copied to another place or computer: `sh move.sh`, or `sh move.sh /path/to/python3` to
   name the Python there. It must lie where compute nodes see it.
2. Submit: `sh submit.sh`, or by hand, line by line:

{lines}

3. When it runs, or has ended: bring the folder back if it was copied away, and in a notebook of the project

       import farpoint as fp
       scan = fp.attach("{folder}")

   or `farpoint recover {folder}`. The table then has what the points left; attached while they run, it follows them.
   A queue that nobody here can ask is not asked: a point whose job was killed without a word stays RUNNING until
   `scan.cancel()`.

`jobs/` has scripts, points and what the pilots write, `work/` the inputs and the points' own folders.
"""

MOVE = """\
#!/bin/sh
# Tell the scripts where this folder is now, and, with an argument, which Python is to run.
set -eu
cd "$(dirname "$0")"
{{ read -r old; read -r before; }} < place.txt
new=$(pwd -P)
python=${{1:-$before}}
for path in "$new" "$python"; do
    case "$path" in
        *[!A-Za-z0-9_@%+=:,./-]*) echo "$path stands in job scripts: letters, digits and _@%+=:,./- only" >&2; exit 1;;
    esac
done
escaped() {{ printf '%s' "$1" | sed 's/[.]/\\\\./g'; }}
for file in submit.sh README.md jobs/*/script; do
    sed -e "s#$(escaped "$old")#$new#g" \\
        -e "s#\\(exec \\|&& \\)$(escaped "$before") #\\1$python #" "$file" > moved.tmp
    cat moved.tmp > "$file"
done
rm moved.tmp
printf '%s\\n%s\\n' "$new" "$python" > place.txt
"""


def texts(scan: str, folder: str, python: str, lines: Sequence[str], points: int) -> Mapping[str, str]:
    """File name → text.

    >>> sorted(texts("s", "/f", "python3", ["cd /f/jobs/fp1 && sh /f/jobs/fp1/script"], 3))
    ['README.md', 'move.sh', 'place.txt', 'submit.sh']
    """
    shown = "\n".join(f"       {line}" for line in lines)
    submit = ["#!/bin/sh", "set -e", *(f"({line})" for line in lines), ""]
    return {
        "README.md": README.format(scan=scan, points=points, lines=shown, folder=folder),
        "submit.sh": "\n".join(submit),
        "move.sh": MOVE.format(),
        "place.txt": f"{folder}\n{python}\n",
    }
