"""The scan widget: define a scan, see what it would do, submit, watch and explore it, in any notebook that has widgets.

One anywidget; what it shows is in `board`, how it looks in js/widget. Knows traits and messages, and no scheduler.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from farpoint.api import summary
from farpoint.api.here import project_of
from farpoint.api.preview import Preview
from farpoint.api.scan import Scan
from farpoint.api.view import View
from farpoint.errors import BadInput, FarpointError, InsideRun
from farpoint.model import FINAL, State
from farpoint.points import Points
from farpoint.project import Project
from farpoint.ui import form, modules
from farpoint.ui.board import Board
from farpoint.ui.live import Pulse
from farpoint.verbs.function import scan_name

RESOURCES = ("cpus", "memory", "time", "gpus", "queue")
WHOLE = frozenset({"ready", "page", "column", "axes"})  # questions for which every row must have been read
ASKS = WHOLE | {"preview", "submit", "glance", "point", "retry", "cancel", "refine", "points"}


class ScanWidget(anywidget.AnyWidget):
    """A scan to define, launch, watch and explore. `what` is a notebook's path, a function, or a Scan.

    All traits may be read, set and observed, and ipywidgets controls put around it: `task` (name and `fields`), `axes`
    (a list of axes as `form.points` takes them), `samples` (points where an axis is sampled), `machine`, `machines`,
    `profile`, `profiles` (names; an empty machine or profile is chosen as elsewhere), `resources` (texts by name),
    `view` (which part is shown), `numbers` and `states` (bytes; `words` and `colours` say what a byte stands for),
    `status` (a dict of words and counts), `cursor` (the point that is explored) and `selection` (point numbers). `scan`
    is the Scan once there is one; `scan.selection` its chosen points.
    Raises BadTask where there is no such notebook.

    >>> def spring(k, damping: float = 0.1): ...
    >>> widget = ScanWidget(spring)
    >>> widget.axes = [{"name": "k", "how": "range", "low": "1", "high": "5", "count": "5"}]
    >>> len(widget.points())
    5
    """

    _esm: ClassVar[str] = modules.script()
    _css: ClassVar[str] = modules.style()

    task = traitlets.Dict().tag(sync=True)
    axes = traitlets.List(traitlets.Dict()).tag(sync=True)
    samples = traitlets.Int(20).tag(sync=True)
    machines = traitlets.List(traitlets.Unicode()).tag(sync=True)
    machine = traitlets.Unicode().tag(sync=True)
    profiles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    profile = traitlets.Unicode().tag(sync=True)
    resources = traitlets.Dict().tag(sync=True)
    view = traitlets.Enum(["define", "progress", "table", "plot", "explore"], "define").tag(sync=True)
    words = traitlets.List([state.value for state in State]).tag(sync=True)
    colours = traitlets.List([summary.COLOURS[state] for state in State]).tag(sync=True)
    numbers = traitlets.Bytes().tag(sync=True)
    states = traitlets.Bytes().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    cursor = traitlets.Int(-1).tag(sync=True)
    selection = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, what: str | Path | Callable[..., Any] | Scan, **options: Any) -> None:
        super().__init__()
        self.options = options
        self.scan: Scan | None = what if isinstance(what, Scan) else None
        given: Any = what.task if isinstance(what, Scan) else what
        self._given = Path(given) if isinstance(given, str) else given
        self._preview: Preview | None = None
        self._board: Board | None = None
        self._pulse: Pulse | None = None
        self._telling = threading.Lock()
        self._late: list[dict[str, Any]] = []  # questions that wait until every row was read
        self._late_guard = threading.Lock()
        self._when_over: list[Callable[[], object]] = []
        self._open = True  # whether points were open when it was last looked; before that, it is to be found out
        notebook = isinstance(self._given, Path)
        self.task = {"name": self._name(), "kind": "notebook" if notebook else "function"}
        self._choose_machines()
        self.follow()
        if not self.begun:
            self.task = {**self.task, "fields": self._fields()}
            self.axes = [_start(field) for field in self.task["fields"] if field["needed"]]
        self.on_msg(self._answer)
        self.observe(self._selected, "selection")

    def __repr__(self) -> str:
        standing = self.status.get("headline") or f"{self.task['name']}: not submitted yet"
        return f"<ScanWidget {standing}>"

    def _fields(self) -> list[dict[str, Any]]:
        return form.fields(self._given) if isinstance(self._given, Path) or callable(self._given) else []

    def _name(self) -> str:
        if self.scan is not None:
            return self.scan.name
        return str(
            self.options.get("name") or (self._given.stem if isinstance(self._given, Path) else scan_name(self._given))
        )

    @property
    def project(self) -> Project:
        """The project its scan is or will be in."""
        start = self._given if isinstance(self._given, Path) else Path.cwd()
        return self.scan.project if self.scan is not None else project_of(self.options.get("project"), start)

    @property
    def begun(self) -> bool:
        """Whether there is a scan to be watched: something was submitted."""
        return self._board is not None

    def follow(self) -> None:
        """Show the scan at hand, where it was submitted by other means than this widget's."""
        if not self.begun and self.scan is not None and self.scan.standing():
            self._show(self.scan)

    def _choose_machines(self) -> None:
        config = self.project.config
        self.machines = list(config.machines)
        self.machine = "" if config.profiles else config.default_machine  # they may choose it
        self.profiles = list(dict.fromkeys(each.name for each in config.profiles if each.name))

    # ------------------------------------------------------------------------------------------ defining
    def points(self) -> Points:
        """The points of the form as it is filled in now. BadPoints names the axis that cannot be read."""
        return form.points(self.axes, self.samples)

    def defined(self) -> Scan:
        """The scan of the form: a new one, or the one at hand with these points."""
        if self.scan is not None and not self.axes:
            return self.scan
        return Scan(self._given, self.points(), **self.options)

    def preview(self) -> Preview:
        """What `submit()` would do; sends nothing."""
        return self.defined().preview(self.machine or None, **self._chosen())

    def submit(self) -> Scan:
        """Hand the points of the form over, and show how they go."""
        scan = self.defined().submit(self.machine or None, **self._chosen())
        self._show(scan)
        return scan

    def _chosen(self) -> dict[str, Any]:
        given = {name: text for name, text in self.resources.items() if name in RESOURCES and str(text).strip()}
        return {**given, "profile": self.profile or None}

    # ------------------------------------------------------------------------------------------ watching
    def _show(self, scan: Scan) -> None:
        self.scan = scan
        self._board = Board(scan)
        self.close_pulse()
        self._pulse = Pulse(scan.project, self._beat)
        self.refresh()
        if self.view == "define":
            self.view = "progress"
        self._pulse.start()

    def _beat(self) -> None:
        """Show how it stands, then have at hand what may be asked for: a first look at 100,000 rows takes seconds."""
        self.refresh()
        try:
            if self._board is not None:
                self._board.prepare()
        finally:
            with self._late_guard:
                late, self._late = self._late, []
            for content in late:
                self._reply(content)

    def refresh(self) -> None:
        """Show how the scan stands now. It is called by itself while anything is open."""
        if self.scan is None or self._board is None:
            return
        with self._telling:  # the pulse tells as well
            seq, told = self.project.store.seq(), self._board.told()
            numbers, states = self._board.stands()
            was, self._open = self._open, any(State(word) not in FINAL for word in told["counts"])
        if seq >= self.status.get("seq", -1):
            with self.hold_sync():
                if numbers != self.numbers:
                    self.numbers = numbers
                self.states = states
                self.status = {"name": self.scan.name, "seq": seq, **told}
        if was and not self._open:
            for call in self._when_over:
                call()

    def when_over(self, call: Callable[[], object]) -> None:
        """Call `call` whenever the last open point has ended."""
        self._when_over.append(call)

    def close_pulse(self) -> None:
        """Stop looking for changes; the work goes on."""
        if self._pulse is not None:
            self._pulse.stop()
            self._pulse = None

    def close(self) -> None:
        """Take the widget away; the work goes on."""
        self.close_pulse()
        super().close()

    def _selected(self, change: Any) -> None:
        if self.scan is not None:
            self.scan.select(self.selection)

    # ------------------------------------------------------------------------------------------ answering
    def _answer(self, _: Any, content: Any, __: Any) -> None:
        """Answer one question of the front end, at once or, where every row must be read first, as soon as they are."""
        if isinstance(content, dict) and content.get("ask") in ASKS and not self._put_off(content):
            self._reply(content)

    def _put_off(self, content: dict[str, Any]) -> bool:
        """Leave a question to the pulse, which reads: whatever needs no reading is answered meanwhile."""
        if content["ask"] not in WHOLE or self._board is None or self._pulse is None:
            return False
        try:
            with self._late_guard:
                if self._board.ready():
                    return False
                self._late.append(content)
        except FarpointError:  # told with the answer
            return False
        self._pulse.start()
        return True

    def _reply(self, content: dict[str, Any]) -> None:
        """What is wrong is told in words and never raised there."""
        given = content.get("given")
        given = given if isinstance(given, dict) else {}
        try:
            answer, buffers = getattr(self, f"_ask_{content['ask']}")(**given)
        except (FarpointError, InsideRun, BadInput) as fault:
            answer, buffers = {"fault": str(fault)}, []
        except TypeError as fault:  # words that no question of ours has
            answer, buffers = {"fault": f"not understood: {fault}"}, []
        self.send({"id": content.get("id"), "answer": answer}, buffers)

    def _ask_points(self) -> tuple[dict[str, Any], list[bytes]]:
        return {"count": len(self.points())}, []

    def _ask_preview(self) -> tuple[dict[str, Any], list[bytes]]:
        made = self._preview = self.preview()
        return {
            "points": made.points, "starts": made.starts, "jobs": made.jobs, "core_hours": made.core_hours,
            "machine": made.machine, "why": made.why, "script": made.script, "text": made.plan.describe(),
            "files": [[item.path, item.size] for item in made.files], "messages": list(made.messages),
        }, []  # fmt: skip

    def _ask_submit(self) -> tuple[dict[str, Any], list[bytes]]:
        return {"name": self.submit().name}, []

    def _ask_ready(self) -> tuple[dict[str, Any], list[bytes]]:
        return {}, []

    def _ask_glance(self, **given: Any) -> tuple[dict[str, Any], list[bytes]]:
        board = self._have()
        ready = board.ready()
        return {**(board.page(**given) if ready else board.glance(**given)), "early": not ready}, []

    def _ask_page(self, **given: Any) -> tuple[dict[str, Any], list[bytes]]:
        return self._have().page(**given), []

    def _ask_column(self, names: Sequence[str] = ()) -> tuple[dict[str, Any], list[bytes]]:
        board = self._have()
        found = [board.column(str(name)) for name in names]
        return {"labels": [labels for labels, _ in found], "columns": board.columns()}, [data for _, data in found]

    def _ask_axes(self) -> tuple[dict[str, Any], list[bytes]]:
        told, places = self._have().axes()
        return {"axes": told, "columns": self._have().columns()}, [places]

    def _ask_point(self, number: int = -1) -> tuple[dict[str, Any], list[bytes]]:
        told, picture = self._have().point(int(number))
        if picture is None:
            return {**told, "picture": ""}, []
        return {**told, "picture": picture.kind}, [picture.data]

    def _ask_retry(self, numbers: Sequence[int] | None = None) -> tuple[dict[str, Any], list[bytes]]:
        scan = self._running()
        chosen = scan.failed if numbers is None else _only(scan, numbers).failed
        count = len(chosen)
        if count:
            chosen.retry()
            self._follow()
        return {"count": count}, []

    def _ask_cancel(self, numbers: Sequence[int] | None = None) -> tuple[dict[str, Any], list[bytes]]:
        scan = self._running()
        (scan if numbers is None else _only(scan, numbers)).cancel()
        self._follow()
        return {}, []

    def _ask_refine(self, points: Sequence[Mapping[str, Any]] = ()) -> tuple[dict[str, Any], list[bytes]]:
        part = self._running().add([dict(point) for point in points])
        count = len(part)
        if count:
            part.submit(self.machine or None, **self._chosen())
            self._follow()
        return {"count": count}, []

    def _follow(self) -> None:
        self.refresh()
        if self._pulse is not None:
            self._pulse.start()

    def _have(self) -> Board:
        if self._board is None:
            raise BadInput("nothing was submitted yet: fill in the form and submit it.")
        return self._board

    def _running(self) -> Scan:
        self._have()
        assert self.scan is not None
        return self.scan


def _only(scan: Scan, numbers: Sequence[int]) -> View:
    wanted = {int(number) for number in numbers}
    return scan._part(number for number in scan.standing() if number in wanted)  # noqa: SLF001 - a view of chosen points


def _start(field: Mapping[str, Any]) -> dict[str, str]:
    return {"name": field["name"], "how": "values", "text": field["default"], "group": ""}
