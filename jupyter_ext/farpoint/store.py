"""The index: one sqlite file per user, on a local disk. `seq` grows with every change.

Knows rows and transactions only. It is a cache of the job folders: no decision is made here and no network is touched.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import fields, replace
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from farpoint import filelock
from farpoint.errors import StoreError
from farpoint.model import SYSTEM_FAULTS, FileInfo, JobRow, Pause, Phase, PilotRow, RunRow, ScanRow, Standing, State

VERSION = 4
FEW = 500  # points that are asked for by their numbers; of more, all of the scan are read and chosen from
APPLICATION = 0x66617270  # "farp"

SCHEMA = """
CREATE TABLE clock (seq INTEGER NOT NULL);
INSERT INTO clock VALUES (0);
CREATE TABLE scan (
  project TEXT, scan TEXT, kind TEXT, task TEXT, created REAL, columns TEXT, machine TEXT, document TEXT,
  seq INTEGER,
  PRIMARY KEY (project, scan));
CREATE TABLE run (
  run TEXT PRIMARY KEY, project TEXT NOT NULL, scan TEXT NOT NULL, number INTEGER NOT NULL, parameters TEXT,
  seed INTEGER,
  current INTEGER NOT NULL, UNIQUE (project, scan, number));
CREATE TABLE attempt (
  run TEXT NOT NULL, attempt INTEGER NOT NULL, key TEXT, version INTEGER, state TEXT NOT NULL, reason TEXT DEFAULT '',
  raw TEXT DEFAULT '', error TEXT, exit_code INTEGER, submitted REAL, started REAL, ended REAL, seconds REAL,
  memory INTEGER, machine TEXT, host TEXT DEFAULT '', job_id TEXT, token TEXT, idx INTEGER, slice INTEGER,
  claim INTEGER, decided INTEGER, folder TEXT, records TEXT DEFAULT '{}', series TEXT DEFAULT '{}', progress REAL,
  progress_text TEXT DEFAULT '', files TEXT DEFAULT '[]', fetched INTEGER DEFAULT 0, cancel INTEGER DEFAULT 0,
  cpus INTEGER DEFAULT 1, warning TEXT DEFAULT '', seq INTEGER, PRIMARY KEY (run, attempt));
CREATE INDEX attempt_state ON attempt (state);
CREATE TABLE placement (
  token TEXT, idx INTEGER, run TEXT, attempt INTEGER, slice INTEGER, PRIMARY KEY (token, idx));
CREATE TABLE job (
  token TEXT PRIMARY KEY, project TEXT, scan TEXT, machine TEXT, phase TEXT, serial INTEGER, job_ids TEXT, created REAL,
  asked REAL, absent_since REAL, looks INTEGER, started INTEGER, fenced INTEGER, cause TEXT, trouble TEXT, seq INTEGER);
CREATE INDEX job_open ON job (project, phase);
CREATE TABLE cursor (token TEXT, file TEXT, offset INTEGER, job_id TEXT, host TEXT, PRIMARY KEY (token, file));
CREATE TABLE machine (name TEXT PRIMARY KEY, paused TEXT, again REAL, failures INTEGER);
"""
MEMBERS = """
ALTER TABLE job ADD COLUMN waiting TEXT DEFAULT '';
ALTER TABLE cursor ADD COLUMN began REAL;
ALTER TABLE cursor ADD COLUMN walltime REAL;
ALTER TABLE cursor ADD COLUMN settled INTEGER DEFAULT 0;
ALTER TABLE cursor ADD COLUMN looks INTEGER DEFAULT 0;
ALTER TABLE cursor ADD COLUMN absent_since REAL;
ALTER TABLE cursor ADD COLUMN cause TEXT DEFAULT '';
CREATE INDEX attempt_token ON attempt (token, state);
CREATE INDEX attempt_cancel ON attempt (token) WHERE cancel=1
"""
PAUSED_SINCE = "ALTER TABLE machine ADD COLUMN since REAL"
CHANGES = "CREATE INDEX attempt_seq ON attempt (seq)"

Change = Mapping[str, Any]

_PILOT = re.compile(r"pilots/([0-9]+)\.([0-9]+)/journal\.jsonl")


class Store:
    """The index in `path`. Safe between threads and processes: a connection per thread and pid, short transactions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._opened: list[tuple[int, sqlite3.Connection]] = []
        # Not at exit: a driver's thread may still be writing then, and the system closes files as well.
        weakref.finalize(self, _close_all, self._opened).atexit = False
        self._connect()

    def _connect(self) -> sqlite3.Connection:
        known: tuple[int, sqlite3.Connection] | None = getattr(self._local, "connection", None)
        if known is not None and known[0] == os.getpid():
            return known[1]
        made = (os.getpid(), _open(self.path))
        self._local.connection = made
        self._opened.append(made)
        return made[1]

    def release(self) -> None:
        """Close this thread's connection; the next call opens another."""
        known = getattr(self._local, "connection", None)
        if known is not None and known[0] == os.getpid():
            known[1].close()
            with suppress(ValueError):  # the whole store was closed meanwhile
                self._opened.remove(known)
        self._local.connection = None

    def close(self) -> None:
        """Close every connection of this process."""
        _close_all(self._opened)
        self._local = threading.local()

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """One `BEGIN IMMEDIATE` transaction; `seq` grows by one if anything was changed in it."""
        connection = self._connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as fault:
            raise _store_error(self.path, fault) from fault
        writer = Writer(connection)
        try:
            yield writer
            writer.finish()
            connection.execute("COMMIT")
        except sqlite3.Error as fault:
            connection.execute("ROLLBACK") if connection.in_transaction else None
            raise _store_error(self.path, fault) from fault
        except BaseException:
            connection.execute("ROLLBACK") if connection.in_transaction else None
            raise

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        try:
            return self._connect().execute(query, values).fetchall()
        except sqlite3.Error as fault:
            raise _store_error(self.path, fault) from fault

    def seq(self) -> int:
        """The number of the last change."""
        return int(self._rows("SELECT seq FROM clock")[0][0])

    def scan(self, project: str, name: str) -> ScanRow | None:
        """One scan, or None."""
        rows = self._rows("SELECT * FROM scan WHERE project=? AND scan=?", (project, name))
        return _scan_row(rows[0]) if rows else None

    def scans(self, project: str) -> list[ScanRow]:
        """All scans of a project, oldest first."""
        return [_scan_row(row) for row in self._rows("SELECT * FROM scan WHERE project=? ORDER BY created", (project,))]

    def runs(
        self,
        project: str,
        scan: str | None = None,
        numbers: Iterable[int] | None = None,
        states: Iterable[State] | None = None,
        run: str | None = None,
        token: str | None = None,
        since: int = -1,
    ) -> list[RunRow]:
        """Runs with the standing of their current attempt, ordered by scan and number; with `since`, those that changed
        after that `seq`.
        """
        query, values = [RUNS + " WHERE r.project=?"], list[Any]([project])
        if since >= 0:
            query, values = [CHANGED.replace("{}", PLACED)], [since, project]
        for column, value in (("r.scan", scan), ("r.run", run), ("a.token", token)):
            if value is not None:
                query.append(f"AND {column}=?")
                values.append(value)
        wanted = None if numbers is None else set(numbers)
        if wanted is not None and len(wanted) <= FEW:
            query.append(f"AND r.number IN ({','.join('?' * len(wanted))})")
            values += wanted
        rows = self._rows(" ".join(query) + " ORDER BY r.scan, r.number", values)
        kept = None if states is None else set(states)
        return [
            _run_row(row)
            for row in rows
            if (wanted is None or row["number"] in wanted) and (kept is None or row["state"] in kept)
        ]

    def states(self, project: str, scan: str) -> dict[int, State]:
        """number → state, cheaply."""
        query = f"SELECT r.number, a.state {CURRENT} WHERE r.project=? AND r.scan=?"
        return {row[0]: _STATES[row[1]] for row in self._rows(query, (project, scan))}

    def standings(self, project: str, scan: str, since: int = -1) -> list[Standing]:
        """How the runs of a scan stand, without what they were given or told; with `since`, those changed after it."""
        columns = "SELECT r.number, a.state, a.reason, a.seconds, a.started, a.ended, a.progress, a.warning"
        values: tuple[Any, ...] = (project, scan)
        query = f"{columns} {CURRENT} WHERE r.project=? AND r.scan=?"
        if since >= 0:
            query, values = CHANGED.replace("{}", columns) + " AND r.scan=?", (since, project, scan)
        return [Standing(row[0], _STATES[row[1]], *tuple(row)[2:]) for row in self._rows(query, values)]

    def attempts(self, run: str) -> list[RunRow]:
        """Every attempt of a run, oldest first."""
        query = RUNS.replace("a.attempt=r.current", "1") + " WHERE r.run=? ORDER BY a.attempt"
        return [_run_row(row) for row in self._rows(query, (run,))]

    def placed(self, token: str) -> list[RunRow]:
        """The attempts a job carries, by their index in *this* job; `token` tells those that moved on to another.

        Only how they stand: parameters, records, series and files are left empty, as this is asked at every round.
        """
        query = (
            PLACED.replace("a.*", "a.*, p.idx AS here, p.slice AS here_slice")
            + " FROM placement p JOIN run r ON r.run=p.run JOIN attempt a ON a.run=p.run AND a.attempt=p.attempt"
            " WHERE p.token=? ORDER BY p.idx"
        )
        rows = self._rows(query, (token,))
        return [replace(_standing(row), index=row["here"], slice=row["here_slice"]) for row in rows]

    def jobs(
        self, project: str, scan: str | None = None, machine: str | None = None, *, open_only: bool = False
    ) -> list[JobRow]:
        """Jobs of a project, oldest first."""
        query, values = ["SELECT * FROM job WHERE project=?"], [project]
        for column, value in (("scan", scan), ("machine", machine)):
            if value is not None:
                query.append(f"AND {column}=?")
                values.append(value)
        if open_only:
            query.append("AND phase!='ENDED'")
        return [_job_row(row) for row in self._rows(" ".join(query) + " ORDER BY created, rowid", values)]

    def job(self, token: str) -> JobRow | None:
        """One job, or None."""
        rows = self._rows("SELECT * FROM job WHERE token=?", (token,))
        return _job_row(rows[0]) if rows else None

    def cursors(self, token: str) -> dict[str, int]:
        """How far each journal of a job has been read, in bytes."""
        return {
            row["file"]: row["offset"] for row in self._rows("SELECT file, offset FROM cursor WHERE token=?", (token,))
        }

    def pilots(self, token: str) -> list[PilotRow]:
        """The starts of a job's members that its journals told of."""
        query = "SELECT * FROM cursor WHERE token=? AND job_id IS NOT NULL ORDER BY rowid"
        return [found for row in self._rows(query, (token,)) if (found := _pilot_row(row)) is not None]

    def unfinished(self, token: str) -> tuple[bool, bool]:
        """Whether some run of a job has not ended, and whether one of those shall and was not told so yet."""
        # The planner does not know how few shall end: told which index, it need not look at all that are open.
        query = (
            f"SELECT EXISTS (SELECT 1 FROM attempt WHERE token=? AND state IN ({OPEN})),"  # noqa: S608 - our own words
            " EXISTS (SELECT 1 FROM attempt INDEXED BY attempt_cancel"
            f" WHERE token=? AND cancel=1 AND state IN ({OPEN}))"
        )
        row = self._rows(query, (token, token))[0]
        return bool(row[0]), bool(row[1])

    def paused(self, machine: str) -> Pause | None:
        """Why, and since when, a machine is left alone; None where it is not."""
        rows = self._rows("SELECT * FROM machine WHERE name=? AND paused!=''", (machine,))
        return Pause(rows[0]["paused"], rows[0]["again"], rows[0]["failures"], rows[0]["since"]) if rows else None

    def going_on(self, project: str) -> dict[str, dict[State, int]]:
        """machine → state → how many runs of a project are in it there, of those that have not ended."""
        query = (
            f"SELECT a.machine, a.state, count(*) FROM attempt a JOIN run r ON a.state IN ({OPEN})"  # noqa: S608 - our own words
            " AND r.run=a.run AND r.current=a.attempt WHERE r.project=? GROUP BY a.machine, a.state"
        )
        found: dict[str, dict[State, int]] = {}
        for machine, state, count in self._rows(query, (project,)):
            found.setdefault(machine, {})[State(state)] = count
        return found

    def queue(self, row: RunRow) -> tuple[int, int]:
        """Of a run that waits: (how many that wait for its machine were handed over before it, cores it needs)."""
        before = (
            "SELECT count(*) FROM attempt b JOIN run r ON r.run=b.run AND r.current=b.attempt"
            " WHERE b.machine=a.machine AND b.state IN ('NEW', 'QUEUED')"
            " AND (b.submitted, b.token, b.idx) < (a.submitted, a.token, a.idx)"
        )
        query = f"SELECT ({before}), a.cpus FROM attempt a WHERE a.run=? AND a.attempt=?"  # noqa: S608 - our own words
        found = self._rows(query, (row.run, row.attempt))
        return (int(found[0][0]), int(found[0][1])) if found else (0, 1)

    def check(self) -> str:
        """'ok', or what sqlite's own check found."""
        return str(self._rows("PRAGMA quick_check")[0][0])


class Writer:
    """The changes one transaction may make."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.seq = int(connection.execute("SELECT seq FROM clock").fetchone()[0]) + 1
        self.changed = False

    def finish(self) -> None:
        """Let `seq` grow if anything changed."""
        if self.changed:
            self._db.execute("UPDATE clock SET seq=?", (self.seq,))

    def put_scan(self, row: ScanRow) -> None:
        """Add a scan or renew its document."""
        self.changed = True
        self._db.execute(
            "INSERT OR REPLACE INTO scan VALUES (?,?,?,?,?,?,?,?,?)",
            (row.project, row.scan, row.kind, row.task, row.created, json.dumps(row.columns), row.machine,
             json.dumps(row.document), self.seq),
        )  # fmt: skip

    def put_job(self, row: JobRow) -> None:
        """Add a job or renew its row."""
        self.changed = True
        self._db.execute(
            "INSERT OR REPLACE INTO job (token, project, scan, machine, phase, serial, job_ids, created, asked,"
            " absent_since, looks, started, fenced, cause, trouble, waiting, seq)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (row.token, row.project, row.scan, row.machine, row.phase.value, row.serial, json.dumps(row.job_ids),
             row.created, row.asked, row.absent_since, row.looks, row.started, row.fenced, row.cause, row.trouble,
             row.waiting, self.seq),
        )  # fmt: skip

    def queue_runs(self, token: str, job_id: str | None, waiting: str) -> None:
        """Show what a job handed over as QUEUED, and why it waits. What was interrupted keeps saying so."""
        self.changed = True
        self._db.execute(
            "UPDATE attempt SET state='QUEUED', job_id=?, reason=?, raw=?, seq=? WHERE token=? AND"
            " (state='NEW' OR state='QUEUED' AND started IS NULL AND reason!=?)",
            (job_id, waiting, waiting, self.seq, token, waiting),
        )

    def put_pilot(self, token: str, row: PilotRow) -> None:
        """Renew what the queue showed of one start of a member."""
        self._db.execute(
            "UPDATE cursor SET settled=?, looks=?, absent_since=?, cause=? WHERE token=? AND file=?",
            (row.settled, row.looks, row.absent_since, row.cause, token, row.file),
        )

    def place_run(self, row: RunRow, cpus: int = 1) -> None:
        """Add an attempt of a run, placed in a job; a known attempt is moved to that job, never set back."""
        self.changed = True
        self._db.execute(
            "INSERT INTO run VALUES (?,?,?,?,?,?,?)"
            " ON CONFLICT (run) DO UPDATE SET current=max(current, excluded.current)",
            (row.run, row.project, row.scan, row.number, json.dumps(row.parameters), row.seed, row.attempt),
        )
        self._db.execute(
            "INSERT INTO attempt (run, attempt, key, version, state, submitted, machine, token, idx, slice, cpus, seq)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (run, attempt) DO UPDATE SET"
            " token=excluded.token, idx=excluded.idx, slice=excluded.slice, seq=excluded.seq,"
            " reason=CASE WHEN state IN ('QUEUED', 'RUNNING') THEN '' ELSE reason END,"
            " raw=CASE WHEN state IN ('QUEUED', 'RUNNING') THEN '' ELSE raw END,"
            " state=CASE WHEN state IN ('QUEUED', 'RUNNING') THEN 'NEW' ELSE state END",
            (row.run, row.attempt, row.key, row.version, State.NEW.value, row.submitted, row.machine, row.token,
             row.index, row.slice, cpus, self.seq),
        )  # fmt: skip
        self._db.execute(
            "INSERT OR REPLACE INTO placement VALUES (?,?,?,?,?)",
            (row.token, row.index, row.run, row.attempt, row.slice),
        )

    def attempt_at(self, token: str, index: int) -> sqlite3.Row | None:
        """The raw attempt row that a job's index stands for."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT a.* FROM placement p JOIN attempt a ON a.run=p.run AND a.attempt=p.attempt"
            " WHERE p.token=? AND p.idx=?",
            (token, index),
        ).fetchone()
        return row

    def open_attempt(self, token: str, index: int, attempt: int) -> None:
        """Let a job's index stand for a later attempt, which its pilot makes; not where the run went to another job."""
        self.changed = True
        copied = "key, version, submitted, machine, job_id, token, idx, slice, cpus, cancel"
        self._db.execute(
            f"INSERT INTO attempt (run, attempt, state, seq, {copied})"  # noqa: S608 - our own words
            f" SELECT p.run, ?, 'QUEUED', ?, {copied.replace('token, idx, slice', 'a.token, a.idx, a.slice')}"
            " FROM placement p JOIN attempt a ON a.run=p.run AND a.attempt=p.attempt"
            " WHERE p.token=? AND p.idx=? AND a.token=p.token ON CONFLICT DO NOTHING",
            (attempt, self.seq, token, index),
        )
        ours = "(SELECT run FROM placement WHERE token=? AND idx=? AND attempt=?)"
        self._db.execute(
            "UPDATE placement SET attempt=? WHERE token=? AND idx=? AND attempt<? AND EXISTS"
            " (SELECT 1 FROM attempt a WHERE a.run=placement.run AND a.attempt=? AND a.token=placement.token)",
            (attempt, token, index, attempt, attempt),
        )
        self._db.execute(
            f"UPDATE run SET current=max(current, ?) WHERE run IN {ours}",  # noqa: S608 - our own words
            (attempt, token, index, attempt),
        )

    def attempt_of(self, token: str, index: int, attempt: int) -> sqlite3.Row | None:
        """The raw row of one of the attempts that a job made of its index."""
        row: sqlite3.Row | None = self._db.execute(
            "SELECT a.* FROM placement p JOIN attempt a ON a.run=p.run AND a.token=p.token"
            " WHERE p.token=? AND p.idx=? AND a.attempt=?",
            (token, index, attempt),
        ).fetchone()
        return row

    def update_attempt(self, run: str, attempt: int, change: Change) -> None:
        """Set columns of one attempt."""
        if not change:
            return
        self.changed = True
        names = [name for name in change if name in COLUMNS]
        values = [_cell(change[name]) for name in names]
        self._db.execute(
            f"UPDATE attempt SET {', '.join(name + '=?' for name in names)}, seq=? WHERE run=? AND attempt=?",  # noqa: S608 - names are our own
            (*values, self.seq, run, attempt),
        )

    def move_cursor(self, token: str, file: str, offset: int) -> None:
        """Remember how far a journal has been read."""
        self._db.execute(
            "INSERT INTO cursor (token, file, offset) VALUES (?,?,?)"
            " ON CONFLICT (token, file) DO UPDATE SET offset=excluded.offset",
            (token, file, offset),
        )

    def offset(self, token: str, file: str) -> int:
        """How far a journal has been read."""
        row = self._db.execute("SELECT offset FROM cursor WHERE token=? AND file=?", (token, file)).fetchone()
        return int(row[0]) if row else 0

    def name_pilot(
        self, token: str, file: str, job_id: str, host: str, began: float | None = None, walltime: float | None = None
    ) -> None:
        """Remember which scheduler job and host a journal belongs to, since when and for how long."""
        self._db.execute(
            "UPDATE cursor SET job_id=?, host=?, began=?, walltime=? WHERE token=? AND file=?",
            (job_id, host, began, walltime, token, file),
        )

    def settle_pilot(self, token: str, file: str) -> None:
        """Remember that a pilot ended with nothing left in hand."""
        self._db.execute("UPDATE cursor SET settled=1 WHERE token=? AND file=?", (token, file))

    def pilot(self, token: str, file: str) -> tuple[str | None, str]:
        """(job id, host) of a journal."""
        row = self._db.execute("SELECT job_id, host FROM cursor WHERE token=? AND file=?", (token, file)).fetchone()
        return (row[0], row[1] or "") if row else (None, "")

    def pause(self, machine: str, why: str, again: float, failures: int, now: float | None = None) -> None:
        """Note why a machine is left alone until `again`; an empty `why` lets it go on. `now`: where a pause begins."""
        self.changed = True
        self._db.execute(
            "INSERT INTO machine (name, paused, again, failures, since) VALUES (?,?,?,?,?) ON CONFLICT (name) DO UPDATE"
            " SET since=CASE WHEN paused!='' THEN since ELSE excluded.since END,"
            " paused=excluded.paused, again=excluded.again, failures=excluded.failures",
            (machine, why, again, failures, now),
        )

    def forget_scan(self, project: str, scan: str) -> None:
        """Drop everything known of a scan."""
        self.changed = True
        tokens = "SELECT token FROM job WHERE project=? AND scan=?"
        runs = "SELECT run FROM run WHERE project=? AND scan=?"
        for statement in (
            f"DELETE FROM cursor WHERE token IN ({tokens})",  # noqa: S608 - constant text
            f"DELETE FROM placement WHERE token IN ({tokens})",  # noqa: S608 - constant text
            f"DELETE FROM attempt WHERE run IN ({runs})",  # noqa: S608 - constant text
            "DELETE FROM run WHERE project=? AND scan=?",
            "DELETE FROM job WHERE project=? AND scan=?",
            "DELETE FROM scan WHERE project=? AND scan=?",
        ):
            self._db.execute(statement, (project, scan))


OPEN = ", ".join(f"'{state.value}'" for state in State if not state.final)
FAULTS = ", ".join(f"'{word}'" for word in sorted(SYSTEM_FAULTS))
PLACED = (
    "SELECT r.run, r.project, r.scan, r.number, r.parameters, r.seed, r.current, a.*,"  # noqa: S608 - our own words
    " (SELECT count(*) FROM attempt b WHERE b.run=r.run AND b.attempt<=a.attempt AND b.decided IS NULL"
    f" AND b.reason IN ({FAULTS})) AS restarts"
)
CURRENT = "FROM run r JOIN attempt a ON a.run=r.run AND a.attempt=r.current"
RUNS = f"{PLACED} {CURRENT}"
# What changed lately is found by its index, though the planner does not know how little that is.
CHANGED = (
    "{} FROM attempt a INDEXED BY attempt_seq CROSS JOIN run r ON r.run=a.run AND r.current=a.attempt"
    " WHERE a.seq>? AND r.project=?"
)
_STATES = {state.value: state for state in State}
COLUMNS = frozenset(
    [
        *("state", "reason", "raw", "error", "exit_code", "submitted", "started", "ended", "seconds", "memory"),
        *("machine", "host", "job_id", "token", "idx", "slice", "claim", "decided", "folder", "records", "series"),
        *("progress", "progress_text", "files", "fetched", "cancel", "warning"),
    ]
)


def _cell(value: Any) -> Any:
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value)
    return value.value if isinstance(value, State) else value


def _standing(row: sqlite3.Row) -> RunRow:
    return RunRow(**_plain(row), parameters={})


def _run_row(row: sqlite3.Row) -> RunRow:
    return RunRow(
        **_plain(row),
        parameters=json.loads(row["parameters"]),
        error=json.loads(row["error"]) if row["error"] else None,
        records=_loaded(row["records"], {}),
        series=_loaded(row["series"], {}),
        files=tuple(FileInfo(**item) for item in _loaded(row["files"], ())),
    )


def _plain(row: sqlite3.Row) -> dict[str, Any]:
    places, names = _places(tuple(row.keys()))
    plain = dict(zip(names, places(row), strict=True))
    plain.update(state=_STATES[row["state"]], index=row["idx"], fetched=bool(row["fetched"]))
    return plain


def _loaded(text: str, empty: Any) -> Any:
    return empty if len(text) == 2 else json.loads(text)  # "{}" or "[]": by far the most, in a scan of many points


@cache
def _places(columns: tuple[str, ...]) -> tuple[itemgetter[Any], tuple[str, ...]]:
    """Where the plain columns are: looked up by name once, not for each of 100,000 rows."""
    return itemgetter(*map(columns.index, _PLAIN)), _PLAIN


_MADE = frozenset({"parameters", "state", "index", "error", "records", "series", "files", "fetched"})
_PLAIN = tuple(f.name for f in fields(RunRow) if f.name not in _MADE)


def _job_row(row: sqlite3.Row) -> JobRow:
    plain = {f.name: row[f.name] for f in fields(JobRow) if f.name not in {"phase", "job_ids", "started", "fenced"}}
    return JobRow(
        **plain,
        phase=Phase(row["phase"]),
        job_ids=tuple(json.loads(row["job_ids"])),
        started=bool(row["started"]),
        fenced=bool(row["fenced"]),
    )


def _pilot_row(row: sqlite3.Row) -> PilotRow | None:
    """None for lines that no journal of a pilot told, but its printed output."""
    found = _PILOT.fullmatch(row["file"])
    if found is None:
        return None
    return PilotRow(
        row["file"], row["job_id"], int(found[1]), int(found[2]), row["began"], row["walltime"], bool(row["settled"]),
        row["looks"], row["absent_since"], row["cause"],
    )  # fmt: skip


def _scan_row(row: sqlite3.Row) -> ScanRow:
    return ScanRow(
        project=row["project"],
        scan=row["scan"],
        kind=row["kind"],
        task=row["task"],
        created=row["created"],
        columns=tuple(json.loads(row["columns"])),
        machine=row["machine"],
        document=json.loads(row["document"]),
    )


def _store_error(path: Path, fault: sqlite3.Error) -> StoreError:
    return StoreError(
        f"the index {path} cannot be used: {fault}. It is only a cache: move it away and run `farpoint recover`, "
        "which rebuilds it from the job folders."
    )


def _close_all(opened: list[tuple[int, sqlite3.Connection]]) -> None:
    """A connection of a parent process is the parent's to close."""
    while opened:  # one by one: another thread may be adding its own meanwhile
        pid, connection = opened.pop()
        if pid == os.getpid():
            connection.close()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        # Two that turn a new file to WAL at once are told "database is locked" with no wait, whatever busy_timeout says
        # (https://www.sqlite.org/c3ref/busy_handler.html: where waiting could end in a deadlock, nobody has to wait).
        with filelock.held(path.with_name(f"{path.name}.lock"), needed=False):
            # WAL with synchronous=NORMAL loses acknowledged commits at power loss, hence FULL.
            for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")
            _migrate(connection, path)
    except BaseException as fault:  # Ctrl-C too leaves nothing open
        if connection is not None:
            connection.close()
        if isinstance(fault, sqlite3.Error):
            raise _store_error(path, fault) from fault
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found == VERSION:
        return
    if found > VERSION:
        message = (
            f"the index {path} was written by a newer farpoint (format {found}; this one knows {VERSION}). "
            "Upgrade farpoint here, or point FARPOINT_STATE at another folder."
        )
        raise StoreError(message)
    if found:
        _keep_copy(connection, path.with_name(f"{path.name}.{found}"))
    connection.execute("BEGIN IMMEDIATE")
    try:
        steps: tuple[Callable[[sqlite3.Connection], None], ...] = (_create, _add_members, _add_since, _add_changes)
        for version in range(int(connection.execute("PRAGMA user_version").fetchone()[0]), VERSION):
            steps[version](connection)
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK") if connection.in_transaction else None
        raise


def _keep_copy(connection: sqlite3.Connection, path: Path) -> None:
    """The index as it was before a change of its form, for whoever goes back to an older farpoint."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with closing(sqlite3.connect(path)) as copy:
        connection.backup(copy)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id={APPLICATION}")
    _run(connection, SCHEMA)


def _add_members(connection: sqlite3.Connection) -> None:
    _run(connection, MEMBERS)


def _add_since(connection: sqlite3.Connection) -> None:
    _run(connection, PAUSED_SINCE)


def _add_changes(connection: sqlite3.Connection) -> None:
    _run(connection, CHANGES)


def _run(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            connection.execute(statement)
