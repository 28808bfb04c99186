"""What farpoint's own words mean inside a run: the work is done right here, and nothing is submitted.

Knows IPython's shell as an argument only. Must not know machines, jobs or where the run is.
"""

import ast
import shlex
from concurrent.futures import Future
from typing import Any, Callable, Dict, Iterable, List

_KEYWORDS = frozenset(["remote", "scan"])


def load(shell: Any) -> None:
    """Accept `%%remote`, `%%scan` and `%remote` in this shell."""
    if not any(getattr(step, "__name__", "") == strip.__name__ for step in shell.input_transformers_cleanup):
        shell.input_transformers_cleanup.append(strip)
    shell.register_magic_function(_line_magic, "line", "remote")
    for name in _KEYWORDS:
        shell.register_magic_function(_cell_magic(shell, name), "cell", name)


def strip(lines: List[str]) -> List[str]:
    """Make a cell that begins with `%%remote` or `%%scan` an ordinary one, its line numbers unchanged.

    A scan's names keep the values they have; those that have none get the first value of their axis.

    >>> strip(["%%remote hpc --cpus 8\\n", "x = 1\\n"])
    ['\\n', 'x = 1\\n']
    >>> strip(["%%scan hpc feed=0.02:0.06:21\\n", "feed\\n"])
    ["feed = globals().get('feed', 0.02)\\n", 'feed\\n']
    """
    words = lines[0].split(None, 1) if lines else []
    if not words or words[0] not in ("%%remote", "%%scan"):
        return lines
    first = "\n"
    if words[0] == "%%scan":
        axes = _first_values(words[1] if len(words) > 1 else "")
        first = "; ".join("%s = globals().get(%r, %s)" % (name, name, value) for name, value in axes.items()) + "\n"
    return [first, *lines[1:]]


def _first_values(text: str) -> Dict[str, str]:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        words = text.split()
    found = {}
    for word in words:
        name, equals, axis = word.partition("=")
        if equals and name.isidentifier():
            found[name] = _literal(axis)
    return found


def _literal(axis: str) -> str:
    """The first value of `1,2,3`, `0:0.3:4` or `log:1e-3:1:4`, as source."""
    text = axis[4:] if axis.startswith("log:") else axis
    first = text.split("," if "," in text else ":")[0].strip()
    try:
        return repr(ast.literal_eval(first))
    except (ValueError, SyntaxError):
        return repr(first)


def _line_magic(line: str) -> None:
    print("inside a run: %%remote %s does nothing here" % line)


def _cell_magic(shell: Any, name: str) -> Callable[[str, str], None]:
    def run_here(line: str, cell: str) -> None:
        shell.run_cell("".join(strip(["%%" + name + " " + line + "\n"])) + cell)

    return run_here


def remote(*functions: Any, **_resources: Any) -> Any:
    """`@remote` and `@remote(cpus=4)`: inside a run the function works here, whatever it asks for.

    >>> @remote(cpus=4)
    ... def double(x):
    ...     return 2 * x
    >>> double(2), double.on("hpc").submit(3).result(), [done.result() for done in double.map([1, 2])]
    (4, 6, [2, 4])
    """
    return Here(functions[0]) if functions else Here


class Here:
    """A function that would run elsewhere, running here."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__wrapped__ = function
        self.__name__ = getattr(function, "__name__", "function")
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.__wrapped__(*arguments, **options)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else self.__wrapped__.__get__(instance, owner)

    def __repr__(self) -> str:
        return "<%s: runs here, inside a run>" % self.__name__

    def on(self, machine: Any = None, **resources: Any) -> "Here":
        """The same: inside a run there is no other place."""
        return self

    def submit(self, *arguments: Any, **options: Any) -> "Future[Any]":
        """Call it now; the Future is done."""
        done: Future[Any] = Future()
        try:
            done.set_result(self(*arguments, **options))
        except Exception as fault:
            done.set_exception(fault)
        return done

    def map(self, *iterables: Iterable[Any]) -> List["Future[Any]"]:
        """Call it with each item, one after the other."""
        return self.starmap(zip(*iterables))

    def starmap(self, calls: Iterable[Iterable[Any]]) -> List["Future[Any]"]:
        """Call it with the arguments of each tuple, one call after the other."""
        return [self.submit(*each) for each in calls]


class Nothing:
    """A scan of the notebook that is running: it was submitted elsewhere and has nothing here.

    Whatever is asked of it is itself again, so that the cells after it do not fail; it is empty and false.

    >>> scan = Nothing()
    inside a run: this scan's own notebook is running, nothing is submitted
    >>> scan.submit(on="hpc").table["x"], len(scan), [point for point in scan]
    (<nothing here, inside a run>, 0, [])
    """

    def __init__(self) -> None:
        print("inside a run: this scan's own notebook is running, nothing is submitted")

    def __getattr__(self, name: str) -> "Nothing":
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: Any, **options: Any) -> "Nothing":
        return self

    def __getitem__(self, key: Any) -> "Nothing":
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __float__(self) -> float:
        return float("nan")

    def __repr__(self) -> str:
        return "<nothing here, inside a run>"
