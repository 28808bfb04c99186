"""Grid Engine (SGE 6.2, 8.1, OGS, SoGE): qsub, qstat, qacct, qdel, qhold, qrls and qconf.

Text in, text out. A job's name is its token. Every job is an array, also of one: its members are then always numbered,
and what a member prints has one form of name. The meaning of words is in `sge_words`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from xml.etree import ElementTree

from farpoint.model import JobShape, Queue, QueueEntry, Receipt
from farpoint.schedulers import base
from farpoint.schedulers import sge_words as words

MARK = "#$"
ONE_HOST, MANY_HOSTS = "smp", "mpi"  # parallel environments most sites have; `-pe name {cpus}` in a header says others
LONGEST = 300  # characters of a reason: there may be one for each queue
OTHER = "not contained in its hard queue list"  # of a queue that was not asked for: the least of reasons
NO_PROJECTS = "no project list defined"
NO_ACCOUNT = "no jobs running since startup"  # what qacct says before any job has ended
NOT_FOUND = re.compile(r"^error: job (?:id|name) \S+ not found$", re.MULTILINE)

_SUBMITTED = re.compile(r"^(?:Your job(?:-array)? ([0-9]+)[. ]|([0-9]+)(?:\.[0-9]+-[0-9]+:[0-9]+)?$)", re.MULTILINE)
_TASKS = re.compile(r"([0-9]+)(?:-([0-9]+)(?::([0-9]+))?)?")
_FIELD = re.compile(r"^(\S+)[ \t]+(.*?)[ \t]*$")
_LIMIT = re.compile(r"(?:^|=)([^,\[\]=]+)")


class Sge:
    """The language of Grid Engine."""

    name = "sge"
    programs = ("qsub", "qstat", "qacct", "qconf")  # PBS has the first two as well
    here = False
    grace = 60.0
    remembers = True
    accounts_are_open = False

    # ------------------------------------------------------------------------------------ the script

    def render(self, shape: JobShape, paths: base.Paths) -> str:
        """The job's script. Of two equal options qsub takes the last, so what the job cannot do without stands last.

        No warning is asked for: with `s_rt` a job of 8.1.9 outlives its `h_rt`, and `-notify` looks the same for a
        job whose time is over and one that somebody deleted. The pilot's own clock stops it in time.

        >>> from farpoint.model import Resources
        >>> shape = JobShape("fpaaaaaaaaaaaaa", 3, Resources(memory=1 << 30, time=3600), "scan")
        >>> print("\\n".join(Sge().render(shape, base.Paths("/s", "/w", "python3", "r")).splitlines()[1:4]))
        #$ -l h_vmem=1024M
        #$ -l h_rt=3600
        #$ -S /bin/sh
        """
        own, values = _needs(shape)
        given = base.options([*shape.header, *shape.resources.extra], MARK, "qsub", own, values)
        directives = [f"{MARK} {option}" for option in [*given, *_identity(shape)]]
        return "\n".join(
            [*base.head(shape, directives), *base.body(shape, paths, '"$((SGE_TASK_ID - 1))"', '"$JOB_ID"')]
        )

    # ------------------------------------------------------------------------------------ submit

    def submit_command(self, token: str, script: str, paths: base.Paths) -> list[str]:
        """Run in the job's folder, which becomes the job's working directory; so no path stands in a directive."""
        return ["qsub", "script"]

    def parse_submit(self, code: int | None, out: str, err: str) -> Receipt:
        """Only what was certainly refused, and will be again, is refused. A master that did not answer may have it.

        >>> Sge().parse_submit(0, 'Your job-array 34.1-8:1 ("fpaaaaaaaaaaaaa") has been submitted', "").job_id
        '34'
        """
        said = (out + err).strip()
        found = _SUBMITTED.search(out)
        if found:
            return Receipt("accepted", found[1] or found[2], said)
        return Receipt("refused" if words.refused(code, said) else "unknown", None, said)

    # ------------------------------------------------------------------------------------ look

    def status_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str]:
        """All jobs of this user: asked for one that is gone, qstat answers in another form and with exit code 0.

        qstat itself puts the user's name for `$user`; the options are there because a file of the user may say others.
        """
        return ["qstat", "-xml", "-u", "$user", "-s", "prs"]

    def look_up_command(self, token: str, paths: base.Paths) -> list[str]:
        return self.status_command({token: ()}, paths)

    def parse_status(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """An entry for each member, those that wait together told apart."""
        if code != 0:
            return None
        root = _xml(out)
        if root is None or root.tag != "job_info":
            return None
        return tuple(entry for job in root.iter("job_list") for entry in _entries(job))

    # ------------------------------------------------------------------------------------ account

    def accounting_command(self, jobs: Mapping[str, Sequence[str]], paths: base.Paths) -> list[str] | None:
        """By name; a pattern knows `*` and nothing else, so for several jobs it is what their names have in common."""
        if len(jobs) == 1:
            return ["qacct", "-j", next(iter(jobs))]
        return ["qacct", "-j", f"{_common(sorted(jobs))}*"]

    def parse_accounting(self, code: int | None, out: str, err: str) -> tuple[QueueEntry, ...] | None:
        """The last record of each member: there is one for every time it was started, and none if it never was."""
        if code == 1 and (out.strip() == NO_ACCOUNT or (not out.strip() and NOT_FOUND.search(err))):
            return ()
        if code != 0 or not out.startswith("==="):
            return None
        records = [_record(block) for block in re.split(r"^=+$", out, flags=re.MULTILINE)[1:]]
        if any(record is None for record in records):
            return None
        entries = [entry for record in records if record for entry in [_past(record)] if entry]
        return tuple({(entry.job_id, entry.member): entry for entry in entries}.values())

    # ------------------------------------------------------------------------------------ the rest

    def output_name(self, job_id: str, member: int) -> str:
        return f"sge-{job_id}.{member + 1}.out"

    def cancel_commands(self, job_ids: Sequence[str], paths: base.Paths) -> list[list[str]]:
        return [["qdel", *job_ids]]

    def hold_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return ["qhold", *job_ids]

    def release_command(self, job_ids: Sequence[str], paths: base.Paths) -> list[str] | None:
        return ["qrls", *job_ids]

    def reasons_command(self, job_ids: Sequence[str]) -> list[str]:
        """Of ids that are gone meanwhile nothing is said."""
        return ["qstat", "-xml", "-j", ",".join(job_ids)]

    def parse_reasons(self, code: int | None, out: str, err: str) -> Mapping[str, str]:
        """What the scheduler noted of each job, its `schedd_job_info` being on: see sched_conf(5)."""
        root = _xml(out) if code == 0 else None
        if root is None or root.tag != "detailed_job_info":
            return {}
        noted: dict[str, dict[str, None]] = {}
        for each in root.iterfind("messages/element/SME_message_list/element"):
            text = " ".join((each.findtext("MES_message") or "").split())
            for number in each.iterfind("MES_job_number_list//ULNG_value"):  # in `element` or in `ulong_sublist`
                if text:
                    noted.setdefault(number.text or "", {})[text] = None
        return {
            number: "; ".join(sorted(texts, key=lambda text: OTHER in text))[:LONGEST]
            for number, texts in noted.items()
        }

    def queues_command(self, paths: base.Paths) -> list[str] | None:
        return ["qconf", "-sq", "*"]

    def parse_queues(self, code: int | None, out: str, err: str) -> tuple[Queue, ...] | None:
        """The queues that take batch jobs. Grid Engine has no default one, so they stay in its order.

        >>> text = "qname a.q\\nqtype BATCH\\npe_list smp\\nslots 8,[n1=16]\\nh_rt 0:10:0\\nh_vmem 4G\\n"
        >>> queue, = Sge().parse_queues(0, text, "")
        >>> queue.name, queue.cpus, queue.time, queue.memory == 4 << 30
        ('a.q', 16, 600, True)
        """
        if code != 0 or not out.startswith("qname"):
            return None
        text = out.replace("\\\n", "")
        blocks = [_fields(block) for block in re.split(r"^(?=qname\s)", text, flags=re.MULTILINE) if block.strip()]
        return tuple(_queue(block) for block in blocks if "BATCH" in block.get("qtype", "BATCH"))

    def accounts_command(self, user: str) -> list[str]:
        """Its projects, of which some may be closed to this user."""
        return ["qconf", "-sprjl"]

    def parse_accounts(self, code: int | None, out: str, err: str) -> tuple[str, ...] | None:
        r"""A name a line.

        >>> Sge().parse_accounts(0, "fusion\nplasma\n", "")
        ('fusion', 'plasma')
        """
        names = out.splitlines()
        if NO_PROJECTS in out + err:
            return ()
        return None if code != 0 or any(len(name.split()) != 1 for name in names) else tuple(map(str.strip, names))


# ------------------------------------------------------------------------------------ options


def _needs(shape: JobShape) -> tuple[dict[str, str], dict[str, str]]:
    """(options, values) by what they ask for. Grid Engine counts memory by the slot, so a run's is shared out."""
    need = shape.resources
    slots = need.cpus * need.tasks
    values = {"cpus": str(slots), "tasks": str(need.tasks), "nodes": str(need.nodes)}
    own = {}
    if slots > 1:
        own["cpus"] = f"-pe {ONE_HOST if need.nodes == 1 else MANY_HOSTS} {slots}"
    if need.memory:
        values["memory"] = f"{base.up(base.up(need.memory, slots), 1 << 20)}M"
        own["memory"] = f"-l h_vmem={values['memory']}"
    if need.time:
        values["time"] = str(need.time)
        own["time"] = f"-l h_rt={need.time}"
    if need.gpus:
        values["gpus"] = str(need.gpus)
        own["gpus"] = f"-l gpu={need.gpus}"
    if need.queue:
        values["queue"] = base.slug(need.queue, "queue")
        own["queue"] = f"-q {values['queue']}"
    if need.account:
        values["account"] = base.slug(need.account, "account")
        own["account"] = f"-P {values['account']}"
    return own, values


def _identity(shape: JobShape) -> list[str]:
    """How the job is found and how it is run: nothing above may change these."""
    options = [
        "-S /bin/sh",  # without it the line #! counts for nothing
        f"-N {shape.token}",
        "-cwd",
        "-j y",
        "-o sge-$JOB_ID.$TASK_ID.out",
        f"-r {'y' if shape.requeue else 'n'}",
        f"-t 1-{shape.pilots}",
    ]
    if shape.running:
        options.append(f"-tc {shape.running}")
    if shape.after:
        options.append(f"-hold_jid {','.join(base.slug(job_id, 'after') for job_id in shape.after)}")
    return options


# ------------------------------------------------------------------------------------ tables


def _xml(text: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - expat since 2.4 refuses entities that grow
    except ElementTree.ParseError:
        return None


def _entries(job: ElementTree.Element) -> Iterator[QueueEntry]:
    number, token, state = (job.findtext(name) or "" for name in ("JB_job_number", "JB_name", "state"))
    if not number.isdecimal() or not base.TOKEN.fullmatch(token):
        return
    meaning = words.state(state)
    for member in _members(job.findtext("tasks") or ""):
        yield QueueEntry(
            number, token, meaning.live, state, meaning.cause, meaning.pending, member, meaning.waiting
        )  # fmt: skip


def _members(tasks: str) -> Iterable[int | None]:
    """Our members of `3-8:1` or `5,7-9:1`, which count from 1; None where there is no such list."""
    found = [_TASKS.fullmatch(part) for part in tasks.split(",")]
    ranges = [(int(match[1]), int(match[2] or match[1]), int(match[3] or 1)) for match in found if match]
    if len(ranges) < len(found) or any(step == 0 for _, _, step in ranges):
        return [None]
    return [task - 1 for first, last, step in ranges for task in range(first, last + 1, step)]


def _common(names: Sequence[str]) -> str:
    """What all of the sorted names begin with, at the least the two letters every token has."""
    first, last = (names[0], names[-1]) if names else ("fp", "fp")
    same = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: max(2, same)]


def _fields(block: str) -> dict[str, str]:
    found = [_FIELD.fullmatch(line) for line in block.splitlines()]
    return {match[1]: match[2] for match in found if match}


def _record(block: str) -> dict[str, str] | None:
    """The fields of one record that ends as a whole one does."""
    fields = _fields(block)
    return fields if {"jobnumber", "jobname", "taskid", "failed", "exit_status", "category"} <= fields.keys() else None


def _past(record: Mapping[str, str]) -> QueueEntry | None:
    number, token, task = (record[name] for name in ("jobnumber", "jobname", "taskid"))
    if not number.isdecimal() or not base.TOKEN.fullmatch(token):
        return None
    member = int(task) - 1 if task.isdecimal() else None
    raw = f"failed {' '.join(record['failed'].split())}, exit_status {' '.join(record['exit_status'].split())}"
    live, cause = words.end(record)
    return QueueEntry(number, token, live, raw, cause, member=member)


def _queue(fields: Mapping[str, str]) -> Queue:
    slots = _most(fields.get("slots", ""), words.count)
    alone = fields.get("pe_list", "NONE") in ("NONE", "")
    memory = _most(fields.get("h_vmem", ""), words.size)
    time = _most(fields.get("h_rt", ""), words.seconds)
    return Queue(fields["qname"], 1 if alone and slots else slots, memory, time)


def _most(text: str, read: Callable[[str], int | None]) -> int | None:
    """The largest value of `8,[node1=16]`; None where one of them is no limit."""
    values = [read(found) for found in _LIMIT.findall(text)]
    known = [value for value in values if value is not None]
    return max(known) if known and len(known) == len(values) else None
