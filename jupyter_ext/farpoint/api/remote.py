"""`@remote`: a function that runs here when called, and elsewhere when submitted.

Knows calls, points and scans; how a call is bound and what it reaches is found below.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, overload

from farpoint.api import placed
from farpoint.api.here import project_of
from farpoint.api.run import Run
from farpoint.api.scan import Scan, refuse_inside
from farpoint.counted import counted
from farpoint.errors import BadInput, BadPoints
from farpoint.functions.calls import COUNT, Parcels, Shape, shape_of
from farpoint.project import Project
from farpoint.resources import resources as as_resources
from farpoint.runner import in_place, inside, values
from farpoint.verbs import function
from farpoint.window import read_per_job


@overload
def remote(given: Callable[..., Any], /) -> Function: ...
@overload
def remote(machine: str | None = None, /, **options: Any) -> Callable[[Callable[..., Any]], Function]: ...
def remote(given: Callable[..., Any] | str | None = None, /, **options: Any) -> Any:
    """Make a function one that can also run elsewhere: `@remote` or `@remote("hpc", cpus=4, time="30m")`.

    Called, it stays the function it was. `relax.submit(…)` returns a Run, `relax.map(…)` a Scan, `relax.on(machine)`
    the same for another place. `options` are resources, and `name files save environment project` as a Scan has them;
    `rerun=True`, `changed="keep"`, `points_per_job=20` and `profile="fast"` mean what they do in a Scan's submit, `key`
    and `ignore` what they do in a Scan.
    Inside a run everything is done in place. Raises BadInput for what is neither, BadResources for a bad value.

    >>> @remote(cpus=2)
    ... def double(x):
    ...     return 2 * x
    >>> double(4), double
    (8, <double(x): runs here when called, on the default machine when submitted; cpus=2>)
    """
    if inside.running():
        return in_place.remote(*([given] if callable(given) else []))
    if callable(given):
        return Function(given, None, {})
    if given is not None and not isinstance(given, str):
        raise BadInput(f"@remote was given {given!r}, which is neither a function nor a machine's name.")
    check_options(options)
    return lambda wrapped: Function(wrapped, given, options)


class Function(placed.Remote):
    """A function that can be sent away. Made by `remote`."""

    def __get__(self, instance: Any, owner: type | None = None) -> Function:
        """A method keeps its place: `model.fit` of a decorated method is bound as any method is."""
        if instance is None:
            return self
        bound: Any = self.__wrapped__
        return Function(bound.__get__(instance, owner), self.machine, self.options)

    def on(self, machine: str | None = None, **options: Any) -> Self:
        """The same function for another place: a machine's name, other resources, or both. Nothing is sent."""
        check_options(options)
        made = copy.copy(self)
        made.machine = machine if machine is not None else self.machine
        made.options = {**self.options, **options}
        return made

    def submit(self, *arguments: Any, **named: Any) -> Run:
        """Run one call elsewhere and return its Run at once; all keywords are the function's own.

        A call that has a result, or is on its way, is found again; one that failed starts anew. Raises TypeError
        where the call itself would, BadTask for what cannot travel, CodeChanged as a Scan's submit does.
        """
        shape = shape_of(self.__wrapped__)
        parcels = Parcels()
        return next(iter(self.send([parcels.pack_call(shape.bind(arguments, named))], parcels)))

    def map(self, *iterables: Iterable[Any]) -> Scan:
        """Call it with each item, as `map` would, one run a call; a Scan whose points are in that order."""
        return self.starmap(zip(*iterables, strict=False))

    def starmap(self, calls: Iterable[Sequence[Any]]) -> Scan:
        """Call it with the arguments of each tuple; a Scan whose points are in that order."""
        shape, parcels = shape_of(self.__wrapped__), Parcels()
        bound = [parcels.pack_call(shape.bind(tuple(each), {})) for each in calls]
        return self.send(_apart(bound), parcels)

    def send(
        self, calls: Sequence[Mapping[str, Any]], parcels: Parcels, shape: Shape | None = None, quiet: bool = False
    ) -> Scan:
        """Submit calls given by argument name, what is no plain data packed; their Scan, in this order."""
        refuse_inside(self.name)
        task = function.Function(self.__wrapped__, self.name, parcels, shape, self.counted())
        made = Scan.of_calls(
            task, calls, project=self.project, name=self.name,
            **{name: value for name, value in self.options.items() if name in ("files", "save", "environment")},
        )  # fmt: skip
        choices = {"rerun": bool(self.options.get("rerun")), "changed": self.options.get("changed")}
        choices["points_per_job"] = read_per_job(self.options.get("points_per_job"))
        choices["profile"] = self.options.get("profile")
        return made.hand_over(self.machine, self.resources(), again=True, quiet=quiet, **choices)

    @property
    def project(self) -> Project:
        """The project its runs belong to: the one given, else that of the current folder."""
        return project_of(self.options.get("project"), Path.cwd())


def check_options(options: Mapping[str, Any]) -> None:
    counted(options.get("key"), options.get("ignore"))
    as_resources(**{name: value for name, value in options.items() if name not in placed.OPTIONS})
    read_per_job(options.get("points_per_job"))


def _apart(calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The second of two equal calls is a replicate of the first: both run."""
    seen: dict[str, int] = {}
    made = []
    for call in calls:
        key = values.canonical(call)
        count = seen.get(key, 0)
        seen[key] = count + 1
        if count and COUNT in call:
            raise BadPoints(f"two calls are the same, and {COUNT!r}, which would tell them apart, is an argument.")
        made.append({**call, COUNT: count} if count else call)
    return made
