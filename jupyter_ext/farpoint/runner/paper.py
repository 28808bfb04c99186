"""What papermill writes into a notebook: the injected cell, the record of each cell, the error markers.

Knows notebooks as data (nested dicts and lists); must not know kernels, runs or files.
"""

import datetime
import re
from typing import Any, Dict, Iterable, List, Optional

MARKER_TAG = "papermill-error-cell-tag"
_STYLE = 'style="color:red; font-family:Helvetica Neue, Helvetica, Arial, sans-serif; font-size:2em;"'
_MESSAGE = "<span %s>An Exception was encountered at '<a href=\"#papermill-error-cell\">In [%%s]</a>'.</span>" % _STYLE
_ANCHOR = (
    '<span id="papermill-error-cell" %s>Execution using papermill encountered an exception here and stopped:</span>'
    % _STYLE
)
_BLANK = {"exception": None, "start_time": None, "end_time": None, "duration": None, "status": "pending"}
_HEADING = re.compile(r"#\s*(parameters\b|@param\b)", re.IGNORECASE)


def parameters_index(cells: Iterable[Any]) -> Optional[int]:
    """Which cell holds the parameters: the first tagged so, else the first code cell that begins with `# parameters`.

    >>> plain = {"cell_type": "code", "metadata": {}, "source": "import math"}
    >>> parameters_index([plain, dict(plain, metadata={"tags": ["parameters"]})])
    1
    >>> parameters_index([plain, dict(plain, source="# Parameters\\nx = 1")])
    1
    """
    listed = list(cells)
    tagged = _first_tagged(listed, "parameters")
    if tagged is not None:
        return tagged
    for index, cell in enumerate(listed):
        own = cell.get("cell_type") == "code" and not _tagged(cell, "injected-parameters")
        if own and _HEADING.match(text_of(cell).lstrip()):
            return index
    return None


def text_of(cell: Any) -> str:
    """A cell's source as one text; files hold it as a text or as a list of lines.

    >>> text_of({"source": ["a\\n", "b"]})
    'a\\nb'
    """
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def declares(cells: Iterable[Any], name: str) -> bool:
    """Whether the parameters cell assigns `name` at its top level."""
    listed = list(cells)
    index = parameters_index(listed)
    pattern = r"^%s\s*(:[^=\n]+)?=(?!=)" % re.escape(name)
    return index is not None and re.search(pattern, text_of(listed[index]), re.MULTILINE) is not None


def inject(nb: Any, source: str, parameters: Dict[str, Any]) -> None:
    """Add the cell that sets the parameters: instead of an older one, else after the defaults, else at the top."""
    cell = _form().new_code_cell(source=source)
    cell.metadata["tags"] = ["injected-parameters"]
    older = _first_tagged(nb.cells, "injected-parameters")
    defaults = parameters_index(nb.cells)
    if older is not None:
        nb.cells[older : older + 1] = [cell]
    else:
        nb.cells.insert(0 if defaults is None else defaults + 1, cell)
    nb.metadata.papermill["parameters"] = parameters


def prepare(nb: Any, version: str) -> None:
    """The metadata every cell and the notebook must have before anything is injected."""
    if "papermill" not in nb.metadata:
        nb.metadata["papermill"] = {
            "default_parameters": {},
            "parameters": {},
            "environment_variables": {},
            "version": version,
        }
    for cell in nb.cells:
        cell.metadata.setdefault("tags", [])


def begin(nb: Any, input_path: str, output_path: str) -> None:
    """Drop what an earlier execution left, and say that everything is still to come."""
    nb.metadata.papermill.update(input_path=input_path, output_path=output_path)
    nb.cells = [cell for cell in nb.cells if not _tagged(cell, MARKER_TAG)]
    nb.metadata.papermill.update(start_time=_now(), end_time=None, duration=None, exception=None)
    for cell in nb.cells:
        cell.metadata["papermill"] = dict(_BLANK)
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = []


def cell_began(cell: Any) -> None:
    """This cell runs now."""
    cell.metadata.papermill.update(start_time=_now(), status="running", exception=False)


def cell_failed(nb: Any, cell: Any) -> None:
    """This cell stopped the notebook."""
    cell.metadata.papermill.update(exception=True, status="failed")
    nb.metadata.papermill["exception"] = True


def cell_ended(cell: Any) -> None:
    """This cell is over, however it went."""
    record = cell.metadata.papermill
    _close(record)
    if record["status"] != "failed":
        record["status"] = "completed"


def complete(nb: Any) -> None:
    """The notebook is over; cells that had no turn because nothing stopped before them count as completed."""
    _close(nb.metadata.papermill)
    for cell in nb.cells:
        if cell.metadata.papermill["status"] == "failed":
            break
        if cell.metadata.papermill["status"] == "pending":
            cell.metadata.papermill["status"] = "completed"


def error_of(nb: Any) -> Optional[Dict[str, Any]]:
    """The error this notebook ends with: index, count, type, message, traceback (lines); None where there is none.

    A cell tagged `raises-exception` counts too, and `sys.exit(0)` does not: as papermill has it.
    """
    error: Optional[Dict[str, Any]] = None
    for index, cell in enumerate(nb.cells):
        leaving = False
        for output in cell.get("outputs", ()):
            if output.output_type != "error":
                continue
            if output.ename == "SystemExit" and output.evalue in ("", "0", "None"):
                leaving = True
                continue
            error = _error(index, cell, output.ename, output.evalue, output.traceback)
            break
        if error is None and not leaving and cell.metadata.papermill.get("exception") is True:
            return _error(index, cell, "CellExecutionError", "", [])
    return error


def mark(nb: Any, error: Dict[str, Any]) -> None:
    """Say at the top, and just before the cell, that it failed."""
    for place, text in ((error["index"], _ANCHOR), (0, _MESSAGE % error["count"])):
        cell = _form().new_markdown_cell(text)
        cell.metadata["tags"] = [MARKER_TAG]
        nb.cells.insert(place, cell)


def _form() -> Any:
    import nbformat

    return nbformat.v4


def _error(index: int, cell: Any, name: str, message: str, traceback: List[str]) -> Dict[str, Any]:
    count = cell.get("execution_count")
    return {"index": index, "count": count, "type": name, "message": message, "traceback": list(traceback)}


def _first_tagged(cells: List[Any], tag: str) -> Optional[int]:
    for index, cell in enumerate(cells):
        if _tagged(cell, tag):
            return index
    return None


def _tagged(cell: Any, tag: str) -> bool:
    return tag in (cell.get("metadata", {}).get("tags") or ())


def _close(record: Any) -> None:
    ended = datetime.datetime.now(datetime.timezone.utc)
    record["end_time"] = ended.isoformat()
    if record.get("start_time"):
        record["duration"] = (ended - _moment(record["start_time"])).total_seconds()


def _moment(text: str) -> datetime.datetime:
    form = "%Y-%m-%dT%H:%M:%S.%f" if "." in text else "%Y-%m-%dT%H:%M:%S"
    return datetime.datetime.strptime(text[:-6], form).replace(tzinfo=datetime.timezone.utc)


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat()
