"""Some points of a scan, as people hold them: table, waiting, choosing, results, files.

What is shown comes from the store alone; `wait`, `fetch`, `retry`, `cancel` and loading values reach out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from farpoint import table
from farpoint.api import frames, grids, outcome, pictures, report, show, summary, troubles, waiting
from farpoint.api.explore import Explorer
from farpoint.api.run import Run
from farpoint.errors import BadInput, FarpointError, NotFound
from farpoint.model import RunRow, Standing, State
from farpoint.project import Project
from farpoint.verbs import cancel as cancelling
from farpoint.verbs import fetch as fetching
from farpoint.verbs import hold as holding
from farpoint.verbs import retry as retrying
from farpoint.verbs import submit, watch
from farpoint.verbs.source import Task

if TYPE_CHECKING:
    import pandas
    import xarray

THUMBNAILS = 12
_THUMBNAIL_BYTES = 600_000  # all of them together: they stay in the notebook they are shown in


class View:
    """Points of one scan. `scan[3:7]`, `scan.failed` and `scan.where(…)` are views of the same scan."""

    def __init__(self, project: Callable[[], Project], name: str, numbers: Iterable[int] | None) -> None:
        self._find_project = project
        self.name = name
        self._numbers = None if numbers is None else tuple(numbers)
        self._said: tuple[str, ...] = ()
        self._selected: list[int] = []

    @property
    def project(self) -> Project:
        """The project the scan belongs to."""
        return self._find_project()

    # ------------------------------------------------------------------------------------------ rows
    @property
    def numbers(self) -> tuple[int, ...]:
        """The point numbers of this view, in order."""
        return tuple(row.number for row in self._rows())

    def _wanted(self) -> tuple[int, ...] | None:
        """Point numbers to look at in the store; None while nothing was submitted."""
        return self._numbers

    def _rows(self) -> list[RunRow]:
        wanted = self._wanted()
        return [] if wanted is None else self.project.store.runs(self.project.id, scan=self.name, numbers=wanted)

    def rows(self) -> list[RunRow]:
        """Its points as the store has them: the frozen rows that tables and reprs are made from."""
        return self._rows()

    def standing(self) -> dict[int, State]:
        """Point number → state, in order: what a progress display needs, at a hundredth of what `table` costs."""
        wanted = set(self._wanted() or ())
        states = self.project.store.states(self.project.id, self.name)
        return {number: states[number] for number in sorted(wanted & states.keys())}

    @property
    def asked(self) -> int:
        """How many points it asks the store for."""
        return len(self._wanted() or ())

    def standings(self, since: int) -> list[Standing]:
        """How its points stand that changed after the store's change `since` (-1: all of them), in no order."""
        wanted = set(self._wanted() or ())
        return [
            each for each in self.project.store.standings(self.project.id, self.name, since) if each.number in wanted
        ]

    def changed(self, since: int) -> list[RunRow]:
        """The rows that changed after the store's change `since`."""
        wanted = set(self._wanted() or ())
        rows = self.project.store.runs(self.project.id, scan=self.name, since=since)
        return [row for row in rows if row.number in wanted]

    def slices(self, length: int) -> Iterator[list[RunRow]]:
        """The rows by number, so many at a time: whoever reads 100,000 can let others have a turn in between."""
        wanted = sorted(self._wanted() or ())
        for first in range(0, len(wanted), length):
            numbers = wanted[first : first + length]
            yield self.project.store.runs(self.project.id, scan=self.name, numbers=numbers)

    def _at(self, number: int) -> list[RunRow]:
        """The row of one point, if it is of this view: one of 100,000 is found without reading the others."""
        if number not in (self._wanted() or ()):
            return []
        return self.project.store.runs(self.project.id, scan=self.name, numbers=[number])

    def _states(self) -> list[State]:
        return list(self.standing().values())

    def _part(self, numbers: Iterable[int]) -> Self:
        """A view of these points."""
        return self._with(_numbers=tuple(numbers))

    def _with(self, **changes: Any) -> Self:
        """The same in all but these attributes."""
        made = copy.copy(self)
        vars(made).update(changes)
        return made

    def __len__(self) -> int:
        return len(self._rows())

    def __iter__(self) -> Iterator[Run]:
        return iter([Run(self.project, row) for row in self._rows()])

    @overload
    def __getitem__(self, number: int) -> Run: ...
    @overload
    def __getitem__(self, number: slice) -> Self: ...
    def __getitem__(self, number: int | slice) -> Run | Self:
        """`scan[7]`: the Run of point 7; `scan[3:7]`: a view of points 3 to 6."""
        if not isinstance(number, slice):
            for row in self._at(number):
                return Run(self.project, row)
        rows = self._rows()
        if isinstance(number, slice):
            last = max((row.number for row in rows), default=-1)
            chosen = set(range(*number.indices(last + 1)))
            return self._part(row.number for row in rows if row.number in chosen)
        known = f"{rows[0].number} to {rows[-1].number}" if rows else "none"
        raise NotFound(f"{self.name} has no point {number!r} here (points: {known}).")

    # ------------------------------------------------------------------------------------------ choosing
    @property
    def failed(self) -> Self:
        """The points that ended without a result: FAILED or LOST."""
        return self._in(State.FAILED, State.LOST)

    @property
    def completed(self) -> Self:
        """The points that have a result."""
        return self._in(State.COMPLETED)

    def _in(self, *states: State) -> Self:
        return self._part(row.number for row in self._rows() if row.state in states)

    @property
    def selection(self) -> Self:
        """The points that were chosen in the widget of this scan, in its table or its plots; none at first."""
        return self._part(self._selected)

    def select(self, numbers: Iterable[int]) -> Self:
        """Choose these points: `selection` is them from now on, for every view of the same scan object."""
        self._selected[:] = sorted(set(numbers))
        return self.selection

    def where(self, condition: str | Callable[[pandas.DataFrame], Any]) -> Self:
        """The points for which a condition holds: a pandas query (`"x > 2 and run_state == 'FAILED'"`) or a function
        of the table that gives a mask.
        """
        found = self.table
        if callable(condition):
            return self._part(int(number) for number in found.index[condition(found)])
        try:
            return self._part(int(number) for number in found.query(condition, engine="python").index)
        except Exception as fault:
            columns = ", ".join(str(name) for name in found.columns)
            raise BadInput(f"{condition!r} cannot be asked of the table: {fault} (columns: {columns})") from fault

    # ------------------------------------------------------------------------------------------ standing
    @property
    def table(self) -> pandas.DataFrame:
        """A row a point, indexed by point number: parameters, recorded values, then `run_state`, `run_reason`, …"""
        return table.frame(self._rows(), load=self._load, folder=self._folder_of)

    def _load(self, row: RunRow, typed: Any) -> Any:
        return outcome.read_large(self.project, row, typed)

    def _folder_of(self, row: RunRow) -> str | None:
        return str(outcome.point_folder(self.project, row)) if row.fetched else None

    @property
    def counts(self) -> dict[str, int]:
        """How many points are in each state."""
        return {state.value: count for state, count in summary.counts(self._rows()).items()}

    @property
    def messages(self) -> list[str]:
        """What is worth knowing: what keeps it from going on, what submitting said, warnings of single runs."""
        rows = self._rows()
        return [*troubles.of_runs(self.project, rows), *self._notes(rows)]

    def _notes(self, rows: Iterable[RunRow]) -> list[str]:
        return self.notes({row.number: row.warning for row in rows if row.warning})

    def notes(self, warnings: Mapping[int, str]) -> list[str]:
        """What is worth knowing though all goes on: what submitting said, and warnings of single runs by number."""
        warned = [f"point {number}: {warnings[number]}" for number in nsmallest(5, warnings)]
        more = [f"… {len(warnings) - 5} more warnings"] if len(warnings) > 5 else []
        return list(dict.fromkeys([*self._said, *warned, *more]))

    @property
    def folder(self) -> Path:
        """Where everything of this scan is kept."""
        return self.project.folders.scan_folder(self.name)

    def logs(self, number: int) -> str:
        """What a point's run printed so far."""
        return self[number].stdout

    # ------------------------------------------------------------------------------------------ doing
    def wait(self, timeout: float | None = None) -> Self:
        """Watch until every point has ended (or `timeout` seconds), then bring notebooks and small files here.

        An interrupt stops the watching, not the work.
        """
        with waiting.bar(self.name) as shown:
            try:
                waiting.wait_for(self.project, lambda: self.look(shown), timeout)
                shown.show(self._rows(), self.project.clock())
                self._bring(shown)
            except KeyboardInterrupt:
                going = sum(1 for state in self._states() if not state.final)
                print(f"stopped watching; {summary.plural(going, 'run')} of {self.name} go on. wait() watches again")  # noqa: T201
                return self
        bad = summary.failures(self._rows()) if waiting.someone_watches() else []
        for line in bad:
            print(line)  # noqa: T201
        return self

    def look(self, shown: waiting.Bar) -> bool:
        """Draw how the points stand, and say what is in their way; True once every one has ended."""
        shown.tell(troubles.lines(self.project, self.name, then=troubles.PATIENT))
        if shown.drawn:
            shown.show(self._rows(), self.project.clock())
        return all(state.final for state in self._states())

    def _bring(self, shown: waiting.Bar) -> None:
        """Fetch what finished; a machine that does not answer now is asked again by `fetch()`."""
        rows = [row for row in self._rows() if row.state in (State.COMPLETED, State.FAILED) and not row.fetched]
        try:
            for count, row in enumerate(rows):
                shown.say(f"fetching {count + 1} of {len(rows)}")
                fetching.fetch(self.project, [row])
        except FarpointError as fault:
            self._said = (*self._said, f"not everything was fetched: {fault}. fetch() tries again")
        shown.show(self._rows(), self.project.clock())

    def fetch(self, *, everything: bool = True) -> list[Path]:
        """Bring the results of finished points here; their folders. `everything=False` leaves files above 100 MB."""
        return fetching.fetch(self.project, self._rows(), everything=everything)

    def cancel(self) -> Self:
        """Ask for the end of every run that has not ended. CANCELLED shows once it is certain."""
        cancelling.cancel(self.project, self._rows())
        watch.hand_over(self.project)
        return self

    def hold(self) -> Self:
        """Keep jobs of these points that wait in a queue from starting; what runs already goes on.

        The queue system holds whole jobs, so other points of the same job wait too. `release()` lets them go. Raises
        BadInput on a machine without a queue, as this computer.
        """
        self._said = holding.hold(self.project, self._rows()).said
        watch.hand_over(self.project)
        return self

    def release(self) -> Self:
        """Let jobs of these points start that were held."""
        self._said = holding.release(self.project, self._rows()).said
        watch.hand_over(self.project)
        return self

    def retry(self, on: str | None = None, **resources: Any) -> Self:
        """A new attempt of every point that ended without a result, with the code as it is now.

        Resources are those of the last time, changed by what is given: `memory="x2"`, `time="4h"`.
        """
        rows = [row for row in self._rows() if row.state is not State.COMPLETED]
        task = self._retried()
        request = retrying.request(self.project, rows, machine=on, changes=resources, task=task)
        made = submit.submit(self.project, request)
        self._said = made.messages
        watch.hand_over(self.project)
        return self

    def _retried(self) -> Task | None:
        """What a retry runs; None for what the scan's own document says."""
        return None

    def __await__(self) -> Generator[Any, None, Self]:
        for row in self._rows():
            if not row.state.final:
                yield from waiting.ended(self.project, row).__await__()
        return self

    # ------------------------------------------------------------------------------------------ results
    def results(self) -> Iterator[tuple[dict[str, Any], Any]]:
        """(parameters, result) of every completed point, one at a time: what the function returned, or the values that
        the notebook recorded; large ones are read as it comes.
        """
        for row in self._rows():
            if row.state is State.COMPLETED:
                yield Run(self.project, row).parameters, outcome.returned(self.project, row)

    def to_xarray(self) -> xarray.Dataset:
        """Recorded values over the scanned parameters; points without a value are NaN."""
        return grids.to_xarray(self._rows(), self.name, self._load)

    # ------------------------------------------------------------------------------------------ looks
    def _pictures(self, rows: Iterable[RunRow]) -> dict[int, pictures.Picture]:
        """The last figure of each point that was fetched."""
        files = {row.number: outcome.point_folder(self.project, row) / "output.ipynb" for row in rows if row.fetched}
        found = {number: pictures.figure_of(path) for number, path in files.items()}
        return {number: picture for number, picture in found.items() if picture is not None}

    def picture(self, number: int) -> pictures.Picture | None:
        """The last figure of a point that was fetched; None where there is none."""
        return self._pictures(self._at(number)).get(number)

    def contact_sheet(
        self, path: str | Path | None = None, columns: int | None = None, captions: bool = True
    ) -> pictures.ContactSheet:
        """The last figure of every point in one PNG, written to `path` if given; a notebook shows it."""
        rows = self._fetched_rows()
        title = summary.headline(self.name, rows, self.project.clock())
        return pictures.contact_sheet(
            rows, self._pictures(rows), path=path, columns=columns, captions=captions, title=title
        )

    def to_html(self, path: str | Path | None = None, *, max_size: int | str = frames.PAGE) -> Path:
        """Write the explorer as one file that works without kernel, server or network, and say how large it is.

        Sliders, frames, a map, a contact sheet and the table; the path of the file. The frames take at most `max_size`
        (bytes, or `"100 MB"`): beyond that they are made coarser, smaller, or fewer, and the page says so.
        """
        made = self.explorer(max_size)
        target = made.save(Path(f"{self.name}.html") if path is None else path)
        print(f"{target}: {made.facts}")  # noqa: T201
        return target

    def explorer(self, max_size: int | str = frames.CELL) -> Explorer:
        """The points to look through: a notebook shows it, `save(FILE)` writes it. `fp.explore(scan)` is the same."""
        room = frames.room_of(max_size)
        return Explorer(self.name, lambda: self._page(room))

    def _page(self, room: int) -> report.Page:
        rows = self._fetched_rows()
        known = self.project.store.scan(self.project.id, self.name)
        return report.page(
            self.name, rows, self.project.clock(), frames=frames.fit(self._pictures(rows[:report.LINES]), room),
            task=known.task if known else "", kind=known.kind if known else "notebook", messages=self.messages,
        )  # fmt: skip

    def _fetched_rows(self) -> list[RunRow]:
        """The rows, after what finished was brought here as far as its machine answers."""
        try:
            fetching.fetch(self.project, self._rows())
        except FarpointError as fault:
            self._said = (*self._said, f"not everything was fetched: {fault}. fetch() tries again")
        return self._rows()

    def _view(self, thumbnails: int = 0) -> show.View:
        rows = self._rows()
        found, room = {}, _THUMBNAIL_BYTES
        if sum(1 for row in rows if row.fetched) <= thumbnails:
            for number, picture in self._pictures(rows).items():
                room -= len(picture.data)
                if room > 0:
                    found[number] = picture.uri
        return show.View(
            self.name, rows, self.project.clock(), troubles=troubles.of_runs(self.project, rows),
            messages=self._notes(rows), pictures=found,
        )  # fmt: skip

    def __repr__(self) -> str:
        return show.text(self._view())

    def _repr_html_(self) -> str:
        return show.html(self._view(THUMBNAILS))
