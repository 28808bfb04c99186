"""`python <runner zip> <verb> …`: finds the verb's module when it is asked for, so that each start loads only its own.

Knows names alone; must not know what a verb does.
"""

import importlib
import json
import sys
from typing import Any, Dict, List, Tuple

# Verb: module and function; the function takes the remaining arguments and returns the exit code.
VERBS: Dict[str, Tuple[str, str]] = {
    "pilot": ("pilot", "main"),
    "start": ("direct", "start"),
    "ps": ("direct", "ps"),
    "kill": ("direct", "kill"),
    "agent": ("agent", "main"),
    "sight": ("sight", "main"),
    "work_cell": ("work_cell", "main"),
    "work_notebook": ("work_notebook", "main"),
    "work_python": ("work_python", "main"),
    "work_rank": ("ranks", "main"),
}


def main(arguments: List[str]) -> int:
    """Run a verb; its exit code, or 2 with a line on stderr where this runner has no such verb."""
    known = "it knows: " + ", ".join(sorted(VERBS))
    if not arguments or arguments[0] not in VERBS:
        print("farpoint runner: say a verb; %s, not %r" % (known, arguments[:1]), file=sys.stderr)
        return 2
    verb, rest = arguments[0], arguments[1:]
    name, function = VERBS[verb]
    full = "%s.%s" % (__package__, name)
    try:
        module = importlib.import_module(full)
    except ImportError as error:
        if error.name != full:
            raise
        print("farpoint runner: this one was built without %r (no module %s)" % (verb, name), file=sys.stderr)
        return 2
    given: Any = (
        json.loads(rest[0]) if verb == "agent" else rest
    )  # the agent's one argument is what its caller says first
    code = getattr(module, function)(given)
    return 0 if code is None else int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
