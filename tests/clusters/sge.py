"""A real Grid Engine: one master and one node of eight slots, alone in a network that is only a loopback.

Its daemons listen on every address they find, hence the network namespace, hence real root. Knows farpoint not at all:
whoever has `bin` first on PATH can submit. The programs there step into the namespace; who is inside already, as
under a sshd started with `inside`, needs no rights for it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clusters.daemons import Daemons, end_marked, require, unavailable, until

SLOTS = 8
INSTALLED = Path("/usr/lib/gridengine")
TEMPLATES = Path("/usr/share/gridengine")
CLIENTS = ("qsub", "qstat", "qdel", "qhold", "qrls", "qacct", "qconf", "qmod", "qalter")
QUEUES = {"long.q": {}, "short.q": {"h_rt": "0:10:0", "h_vmem": "8G"}}
ENVIRONMENT = {"SGE_CELL": "farpoint", "SGE_QMASTER_PORT": "26444", "SGE_EXECD_PORT": "26445", "SGE_ARCH": "lx-amd64"}

BOOTSTRAP = """\
admin_user        root
default_domain    none
ignore_fqdn       true
spooling_method   classic
spooling_lib      libspoolc
spooling_params   {common};{spool}/qmaster
binary_path       {installed}
qmaster_spool_dir {spool}/qmaster
security_mode     none
listener_threads  2
worker_threads    2
scheduler_threads 1
"""

STEP_INSIDE = """\
#!/bin/sh
{environment}
echo "{name} $*" >> {calls}
if [ "$(stat -Lc %i /proc/self/ns/net)" = "$(stat -Lc %i /run/netns/{namespace})" ]; then
  exec {program} "$@"
fi
exec ip netns exec {namespace} {program} "$@"
"""


@dataclass
class GridEngine:
    """One cell. `bin` holds the client programs, `env` has it first on PATH."""

    folder: Path
    namespace: str
    daemons: Daemons = field(init=False)

    def __post_init__(self) -> None:
        self.root = self.folder / "root"
        self.common = self.root / ENVIRONMENT["SGE_CELL"] / "common"
        self.spool = self.folder / "spool"
        self.bin = self.folder / "bin"
        self.calls_file = self.folder / "calls"
        self.cell = {**ENVIRONMENT, "SGE_ROOT": str(self.root)}
        self.env = {**self.cell, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}
        self.daemons = Daemons(self.folder, {**self.cell, "SGE_ND": "1"})

    def inside(self, *argv: str) -> list[str]:
        """The command that runs in the cell's network."""
        return ["ip", "netns", "exec", self.namespace, *argv]

    def run(self, *argv: str, check: bool = True) -> str:
        """What a program of the Grid Engine prints."""
        program = str(INSTALLED / argv[0])
        env = {**os.environ, **self.cell}
        done = subprocess.run(self.inside(program, *argv[1:]), env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not check, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    # ------------------------------------------------------------------------------------ beginning and end

    def start(self) -> None:
        """Make the cell and start its daemons."""
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        subprocess.run(["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True)
        self._lay_out()
        self._spool()
        self.start_master()
        host = socket.gethostname()
        self.run("qconf", "-ah", host, check=False)  # the host that may command is there already
        self.run("qconf", "-as", host)
        self._scheduler()
        self._queues(host)
        self.daemons.start("execd", *self.inside(str(INSTALLED / "sge_execd")))
        seen = re.compile(rf"^{re.escape(host)} .*[0-9][GM] ", re.MULTILINE)
        until(lambda: bool(seen.search(self.run("qhost", check=False))), f"the node reports: {self._said('execd')}")

    def start_master(self) -> None:
        """Start the master, or start it again."""
        self.daemons.start("qmaster", *self.inside(str(INSTALLED / "sge_qmaster")))
        until(lambda: bool(self.run("qconf", "-sh", check=False)), f"the master answers: {self._said('qmaster')}")

    def stop_master(self) -> None:
        """The master goes away; jobs go on."""
        self.daemons.stop("qmaster")

    def freeze_node(self) -> None:
        """The node cannot be told anything, and says nothing; its jobs go on."""
        self.daemons.signal("execd", signal.SIGSTOP)

    def thaw_node(self) -> None:
        """It hears again."""
        self.daemons.signal("execd", signal.SIGCONT)

    def calls(self, program: str) -> int:
        """How often somebody with `bin` on PATH called a program."""
        return sum(line.startswith(f"{program} ") for line in self.calls_file.read_text().splitlines())

    def freeze_master(self) -> None:
        """The master keeps its connections and answers nobody."""
        self.daemons.signal("qmaster", signal.SIGSTOP)

    def thaw_master(self) -> None:
        """It answers again, first what came in meanwhile."""
        self.daemons.signal("qmaster", signal.SIGCONT)

    def stop(self) -> None:
        """End the daemons and whatever they started, and take the network away."""
        self.daemons.stop_all()
        end_marked("SGE_ROOT", str(self.root))
        subprocess.run(["ip", "netns", "delete", self.namespace], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _said(self, name: str) -> str:
        messages = self.spool / "qmaster" / "messages"
        return self.daemons.said(name) + (messages.read_text(errors="replace")[-1000:] if messages.exists() else "")

    # ------------------------------------------------------------------------------------ the cell

    def _lay_out(self) -> None:
        for path in (self.common, self.spool / "qmaster" / "job_scripts", self.spool / "execd", self.bin):
            path.mkdir(parents=True)
        for name in ("bin", "lib", "util", "utilbin"):
            (self.root / name).symlink_to(f"/var/lib/gridengine/{name}")
        host = socket.gethostname()
        self.calls_file.touch()
        self.calls_file.chmod(0o666)
        (self.common / "act_qmaster").write_text(f"{host}\n")
        (self.common / "cluster_name").write_text("farpoint\n")
        names = {
            name
            for line in Path("/etc/hosts").read_text().splitlines()
            if line.startswith("127.")
            for name in line.split()[1:]
        }
        (self.common / "host_aliases").write_text(" ".join([host, *sorted(names - {host})]) + "\n")
        made = BOOTSTRAP.format(common=self.common, spool=self.spool, installed=INSTALLED)
        (self.common / "bootstrap").write_text(made)
        environment = "export " + " ".join(f"{name}={value}" for name, value in self.cell.items())
        for name in CLIENTS:
            program = INSTALLED / name
            text = STEP_INSIDE.format(
                environment=environment, namespace=self.namespace, program=program, name=name, calls=self.calls_file
            )
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)

    def _spool(self) -> None:
        """The settings before anything runs: jobs of root allowed, an account without delay, a report each second."""
        changed = {
            "execd_spool_dir": str(self.spool / "execd"),
            "min_uid": "0",
            "min_gid": "0",
            "load_report_time": "00:00:01",
            "mailer": "/bin/true",
            "administrator_mail": "none",
            "reporting_params": "accounting=true reporting=false flush_time=00:00:01 accounting_flush_time=00:00:00 "
            "joblog=false sharelog=00:00:00",
            "execd_params": "ENABLE_ADDGRP_KILL=true",
        }
        settings = self.folder / "configuration"
        settings.write_text(_edited((TEMPLATES / "default-configuration").read_text(), changed))
        resources = TEMPLATES / "util" / "resources"
        self.run("spoolinit", "classic", "libspoolc", f"{self.common};{self.spool}/qmaster", "init")
        for what, where in (
            ("configuration", settings),
            ("complexes", resources / "centry"),
            ("usersets", resources / "usersets"),
            ("pes", resources / "pe"),
        ):
            self.run("spooldefaults", what, str(where))
        self.run("spooldefaults", "managers", "root")

    def _scheduler(self) -> None:
        quick = {"schedule_interval": "0:0:1", "flush_submit_sec": "1", "flush_finish_sec": "1"}
        self._given("-Msconf", _edited(self.run("qconf", "-ssconf"), quick))

    def _queues(self, host: str) -> None:
        self._given("-Ahgrp", f"group_name @allhosts\nhostlist {host}\n")
        for name, limits in QUEUES.items():
            changed = {
                "qname": name,
                "hostlist": "@allhosts",
                "slots": str(SLOTS),
                "load_thresholds": "NONE",
                "pe_list": "smp mpi",
                "notify": "00:00:05",
                **limits,
            }
            self._given("-Aq", _edited(self.run("qconf", "-sq"), changed))

    def _given(self, option: str, text: str) -> None:
        file = self.folder / "given"
        file.write_text(text)
        self.run("qconf", option, str(file))


def _edited(text: str, changed: dict[str, str]) -> str:
    """Lines `name value` with other values."""
    for name, value in changed.items():
        text, count = re.subn(
            rf"^{name}\s.*(?:\\\n.*)*$", lambda _, n=name, v=value: f"{n} {v}", text, flags=re.MULTILINE
        )
        assert count == 1, f"{name}: {count} lines"
    return text


@pytest.fixture(scope="session")
def sge() -> Iterator[GridEngine]:
    """A running Grid Engine, its programs on PATH while the test session lasts."""
    require(["ip", "setpriv", "qsub"])
    _require_root()
    folder = Path(tempfile.mkdtemp(prefix="farpoint-sge-"))
    folder.chmod(0o755)
    cell = GridEngine(folder, f"fpsge{os.getpid()}")
    try:
        cell.start()
        yield cell
    finally:
        cell.stop()


def _require_root(programs: Sequence[str] = ("sge_qmaster", "sge_execd")) -> None:
    if os.geteuid() != 0:
        unavailable("a Grid Engine that starts jobs needs root")
    if not all((INSTALLED / name).exists() for name in programs):
        unavailable("not installed: gridengine-master gridengine-exec")
