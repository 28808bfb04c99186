"""What journals say, applied to the store: new bytes → events → attempts. The only reader of journal events here.

Knows no machine and takes no decision of its own: which outcome stands is asked of `lifecycle`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from farpoint import lifecycle
from farpoint.members import TIME_UP
from farpoint.model import Chunk, State
from farpoint.runner import journal, layout
from farpoint.store import Writer

Event = Mapping[str, Any]


def apply_chunk(writer: Writer, chunk: Chunk) -> None:
    """Apply the new bytes of one journal, exactly once: bytes before the cursor are passed over."""
    if not chunk.file.endswith(layout.JOURNAL):
        return
    offset = writer.offset(chunk.token, chunk.file)
    if chunk.offset > offset or chunk.offset + len(chunk.data) <= offset:
        return
    events, consumed = journal.parse(chunk.data[offset - chunk.offset :])
    writer.move_cursor(chunk.token, chunk.file, offset + consumed)
    for event in events:
        apply_event(writer, chunk.token, chunk.file, event)


def apply_event(writer: Writer, token: str, file: str, event: Event) -> None:
    """Apply one event; kinds this farpoint does not know are passed over."""
    if event["e"] == "pilot":
        host = event.get("host") or {}
        name, walltime = str(host.get("name", "")), event.get("walltime")
        writer.name_pilot(token, file, str(event["job"]), name, event["t"], walltime)
        return
    if event["e"] == "ended" and not event.get("reason"):
        writer.settle_pilot(token, file)
        return
    if "attempt" in event:
        _open(writer, token, event)
    if event["e"] == "retried":
        _close(writer, token, file, event)
        return
    apply = _APPLY.get(event["e"])
    row = writer.attempt_at(token, int(event["i"])) if apply and "i" in event else None
    if apply is None or row is None:
        return
    change = apply(dict(row), event)
    if change and event["e"] in ("started", "outcome"):
        job_id, host = writer.pilot(token, file)
        change = {**change, "job_id": job_id, "host": event.get("host") or host}
    writer.update_attempt(row["run"], row["attempt"], change)


def _open(writer: Writer, token: str, event: Event) -> None:
    """A pilot executes a run again: that is another attempt, unless this side has said what became of the run."""
    index, attempt = int(event["i"]), int(event["attempt"]) + (event["e"] == "retried")
    row = writer.attempt_at(token, index)
    if row is not None and row["attempt"] < attempt and not State(row["state"]).final:
        writer.open_attempt(token, index, attempt)


def _close(writer: Writer, token: str, file: str, event: Event) -> None:
    """How an attempt ended that its pilot followed by another."""
    row = writer.attempt_of(token, int(event["i"]), int(event["attempt"]))
    if row is None or row["decided"] is not None:
        return
    job_id, host = writer.pilot(token, file)
    change = _outcome(dict(row), {**event, "state": State.FAILED})
    change |= {"job_id": job_id, "host": event.get("host") or host, "folder": layout.run_name(event["i"], event["c"])}
    writer.update_attempt(row["run"], row["attempt"], change)


def _started(row: Mapping[str, Any], event: Event) -> dict[str, Any]:
    if not lifecycle.start_counts(row["claim"], row["decided"], event["c"]):
        return {}
    start = {"started": event["t"], "claim": event["c"], "folder": event["folder"]}
    if State(row["state"]).final:
        return start  # a verdict read back before the journal it was about
    fresh: dict[str, Any] = {"records": {}, "series": {}, "files": [], "progress": None, "progress_text": ""}
    return {**fresh, **start, "state": State.RUNNING, "reason": "", "raw": "", "warning": ""}


def _record(row: Mapping[str, Any], event: Event) -> dict[str, Any]:
    if event["c"] != row["claim"]:
        return {}
    change: dict[str, Any] = {}
    name, step = event["name"], event.get("step")
    records = json.loads(row["records"])
    records[name] = event["value"]
    change["records"] = records
    if step is not None:
        series = json.loads(row["series"])
        series.setdefault(name, []).append([step, event["value"]])
        change["series"] = series
    if event.get("warn"):
        change["warning"] = "; ".join(filter(None, [row["warning"], event["warn"]]))
    return change


def _progress(row: Mapping[str, Any], event: Event) -> dict[str, Any]:
    if event["c"] != row["claim"]:
        return {}
    return {"progress": event.get("done"), "progress_text": event.get("text") or ""}


def _artifact(row: Mapping[str, Any], event: Event) -> dict[str, Any]:
    if event["c"] != row["claim"]:
        return {}
    files = [item for item in json.loads(row["files"]) if item["path"] != event["path"]]
    files.append({"path": event["path"], "size": event["size"], "digest": event["sha256"], "role": event["role"]})
    return {"files": files}


def _interrupted(row: Mapping[str, Any], event: Event) -> dict[str, Any]:
    if event["c"] != row["claim"] or row["decided"] is not None or row["state"] != State.RUNNING:
        return {}
    reason = event.get("reason")
    return {"state": State.QUEUED, "reason": reason if reason == TIME_UP else "interrupted"}


def _outcome(row: Mapping[str, Any], event: Event) -> dict[str, Any]:
    if not lifecycle.outcome_counts(row["decided"], State(row["state"]), event["c"]):
        return {}
    return {
        "state": State(event["state"]), "reason": event.get("reason") or "", "raw": "", "exit_code": event.get("exit"),
        "error": event.get("error"), "started": event.get("started"), "ended": event.get("ended"),
        "seconds": event.get("seconds"), "memory": event.get("memory"), "claim": event["c"], "decided": event["c"],
        "progress": 1.0 if event["state"] == State.COMPLETED else row["progress"],
    }  # fmt: skip


_APPLY = {
    "started": _started,
    "record": _record,
    "progress": _progress,
    "artifact": _artifact,
    "interrupted": _interrupted,
    "outcome": _outcome,
}
