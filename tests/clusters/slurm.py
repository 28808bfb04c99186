"""A real Slurm on the loopback: one controller and three nodes of four cores, all on this computer, with short timers.

Knows farpoint not at all: whoever has `.env` in its environment can submit. Fixtures: `slurm` keeps no account, so a
job is known as long as the controller remembers it; `accounted_slurm` forgets at once and has slurmdbd with MariaDB.
"""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clusters.daemons import Daemons, end_marked, end_those_with_files_in, free_ports, require, until

NODES = ("n1", "n2", "n3")
CORES = 4
MEMORY = 4000  # MB a node
PROGRAMS = ("setpriv", "munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo")
ACCOUNTING = ("mariadbd", "mariadb", "mariadb-admin", "mariadb-install-db", "slurmdbd", "sacctmgr", "sacct")
CGROUP = Path("/sys/fs/cgroup/memory/cgroup.procs")  # version 1, which Debian's Slurm 22.05 can confine memory with

CONFIG = """\
ClusterName=farpoint
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ctld}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={run}/munge.socket,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.%n.pid
SlurmctldLogFile={logs}/slurmctld.log
SlurmdLogFile={logs}/slurmd.%n.log
ProctrackType={proctrack}
TaskPlugin={task}
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=1,bf_continue,max_array_tasks=2000
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmdTimeout=300
InactiveLimit=0
MessageTimeout=5
MinJobAge={min_job_age}
FirstJobId={first}
KillWait=2
OverTimeLimit=0
MaxArraySize=2001
MaxJobCount=10000
PropagateResourceLimits=NONE
JobRequeue=1
SlurmdParameters=config_overrides
LaunchParameters=disable_send_gids
{accounting}
{nodes}
PartitionName=short Nodes=n[1-3] Default=YES MaxTime=10 DefaultTime=5 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=long Nodes=n[1-3] MaxTime=INFINITE DefaultTime=60 State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=scavenge Nodes=n[1-3] MaxTime=INFINITE DefaultTime=60 State=UP PriorityTier=0 PreemptMode=REQUEUE
"""
DBD = """\
AuthType=auth/munge
AuthInfo=socket={run}/munge.socket
DbdAddr=127.0.0.1
DbdHost=localhost
DbdPort={dbd}
SlurmUser={user}
LogFile={logs}/slurmdbd.log
PidFile={run}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct_db
CommitDelay=1
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
"""
CGROUPS = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainCores=no\nConstrainRAMSpace=yes\nAllowedRAMSpace=100\n"


@dataclass
class Slurm:
    """One cluster. `.env` is all a client needs; other users of this computer may use it too."""

    folder: Path
    accounting: bool = False
    min_job_age: int = 300  # seconds a finished job is still shown
    daemons: Daemons = field(init=False)
    _ports: list[int] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("state", "run", "log"):
            (self.folder / name).mkdir(mode=0o755)
        self.folder.chmod(0o755)
        self.daemons = Daemons(self.folder / "log", self.env)
        self._ports = free_ports(len(NODES) + 3)

    @property
    def env(self) -> dict[str, str]:
        """The environment variable that says which Slurm is meant."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    @property
    def confines(self) -> bool:
        """Whether a job that takes more memory than it asked for is killed by the kernel."""
        return os.getuid() == 0 and os.access(CGROUP, os.W_OK)

    # ------------------------------------------------------------------------------------ life

    def up(self) -> None:
        """Start everything; return once all nodes are idle."""
        self._write_settings()
        run, logs = self.folder / "run", self.folder / "log"
        self.daemons.start(
            "munged", "munged", "--foreground", "--force", f"--key-file={self.folder}/munge.key",
            f"--socket={run}/munge.socket", f"--pid-file={run}/munged.pid", f"--log-file={logs}/munged.log",
            f"--seed-file={run}/munged.seed", "--num-threads=2",
        )  # fmt: skip
        until((run / "munge.socket").exists, f"munged: {self.daemons.said('munged')}")
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        for node in NODES:
            self.daemons.start(node, "slurmd", "-D", "-N", node)
        until(lambda: self.idle() == len(NODES), "all nodes are idle")

    def down(self) -> None:
        """End all jobs and all daemons, and whatever jobs left behind."""
        with_signal = ["scancel", "--quiet", "--signal=KILL", "--full", f"--user={getpass.getuser()}"]
        for argv in (["scancel", "--quiet", f"--user={getpass.getuser()}"], with_signal):
            self._try(argv)
        self.daemons.stop_all()
        end_marked("SLURM_CONF", self.env["SLURM_CONF"])
        end_those_with_files_in(self.folder / "log", "slurmstepd")  # which wipes its environment

    def start_controller(self) -> None:
        """Start the controller; return once it answers."""
        self.daemons.start("slurmctld", "slurmctld", "-D")
        until(lambda: self._try(["scontrol", "ping"]).returncode == 0, "slurmctld answers")

    def stop_controller(self) -> None:
        """End the controller: its clients cannot reach it."""
        self.daemons.stop("slurmctld")

    @contextmanager
    def frozen_controller(self) -> Iterator[None]:
        """The controller stands still: its clients wait, and what they asked for happens afterwards."""
        self.daemons.signal("slurmctld", signal.SIGSTOP)
        try:
            yield
        finally:
            self.daemons.signal("slurmctld", signal.SIGCONT)

    # ------------------------------------------------------------------------------------ use

    def run(self, *argv: str, cwd: Path | None = None) -> str:
        """What one of Slurm's programs prints; its error if it failed."""
        done = self._try(list(argv), cwd)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
        return done.stdout

    def jobs(self, *states: str) -> list[tuple[str, str, str, str]]:
        """(id, name, state, reason) of every job and array member that is in one of the states, of all if none."""
        said = self.run("squeue", "-h", "-r", "-t", ",".join(states) or "all", "-o", "%i|%j|%T|%r")
        return [(job_id, name, state, why) for job_id, name, state, why in (s.split("|") for s in said.splitlines())]

    def idle(self) -> int:
        """How many nodes could start something now."""
        listed = self._try(["sinfo", "-h", "-N", "-p", "short", "-t", "idle", "-o", "%N"])
        return len(listed.stdout.split()) if listed.returncode == 0 else 0

    def clear(self) -> None:
        """End every job, and bring every node back."""
        self._try(["scancel", "--quiet", f"--user={getpass.getuser()}"])
        for node in NODES:
            self.mend_node(node)
        until(lambda: self.idle() == len(NODES), "all nodes are idle")

    def forget(self) -> None:
        """From now on a finished job is shown for two seconds only; return once none is shown."""
        conf = self.folder / "slurm.conf"
        conf.write_text(conf.read_text().replace(f"MinJobAge={self.min_job_age}", "MinJobAge=2"))
        self.run("scontrol", "reconfigure")
        try:
            until(lambda: not self.jobs(), "finished jobs are forgotten")
        finally:
            conf.write_text(conf.read_text().replace("MinJobAge=2", f"MinJobAge={self.min_job_age}"))
            self.run("scontrol", "reconfigure")

    def kill_node(self, name: str) -> None:
        """A node fails: whatever ran there is gone."""
        self.run("scontrol", "update", f"nodename={name}", "state=down", "reason=test")

    def mend_node(self, name: str) -> None:
        """The node comes back."""
        state = self.run("sinfo", "-h", "-n", name, "-p", "short", "-o", "%T")
        if "down" in state or "drain" in state:
            self._try(["scontrol", "update", f"nodename={name}", "state=resume"])
        until(lambda: self.idle() >= 1, f"node {name} is back")

    def end_now(self, job_id: str) -> None:
        """The job's time is over: the controller, which looks every 30 s, will find it over its limit."""
        self.run("scontrol", "update", f"jobid={job_id}", "EndTime=now+1")

    # ------------------------------------------------------------------------------------ inside

    def _try(self, argv: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **self.env}
        return subprocess.run(argv, capture_output=True, text=True, env=env, cwd=cwd or "/", timeout=60, check=False)

    def _write_settings(self) -> None:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        ctld, dbd, sql, *ports = self._ports
        given = {
            "folder": self.folder, "run": self.folder / "run", "logs": self.folder / "log",
            "user": getpass.getuser(), "ctld": ctld, "dbd": dbd, "sql": sql, "password": secrets.token_hex(8),
        }  # fmt: skip
        confined = self.confines
        nodes = (
            f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={CORES} RealMemory={MEMORY}"
            for node, port in zip(NODES, ports, strict=True)
        )
        account = (
            f"AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=127.0.0.1\n"
            f"AccountingStoragePort={dbd}\nAccountingStoragePass={given['run']}/munge.socket\n"
            "AccountingStorageEnforce=limits"
        )
        text = CONFIG.format(
            **given, first=1 + 10_000 * secrets.randbelow(6000),  # cgroups are named by job, whichever cluster has it
            nodes="\n".join(nodes), min_job_age=self.min_job_age,
            accounting=account if self.accounting else "AccountingStorageType=accounting_storage/none",
            proctrack="proctrack/cgroup" if confined else "proctrack/linuxproc",
            task="task/cgroup" if confined else "task/none",
        )  # fmt: skip
        (self.folder / "slurm.conf").write_text(text)
        if confined:
            (self.folder / "cgroup.conf").write_text(CGROUPS)
        secret = self.folder / "slurmdbd.conf"
        secret.touch(mode=0o600)  # slurmdbd reads no other
        secret.write_text(DBD.format(**given))
        self._password = given["password"]

    def _start_accounting(self) -> None:
        run, data = self.folder / "run", self.folder / "db"
        user, socket = getpass.getuser(), f"--socket={run}/mysql.sock"
        self._must(
            "mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={data}", "--skip-test-db",
            "--auth-root-authentication-method=normal",
        )  # fmt: skip
        self.daemons.start(
            "mariadbd", "mariadbd", "--no-defaults", f"--user={user}", f"--datadir={data}", socket,
            f"--pid-file={run}/mysqld.pid", "--bind-address=127.0.0.1", f"--port={self._ports[2]}",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-lock-wait-timeout=900",
        )  # fmt: skip
        client = ["--no-defaults", "-uroot", socket]
        until(lambda: self._try(["mariadb-admin", *client, "ping"]).returncode == 0, "the database answers")
        grants = "".join(
            f"create user 'slurm'@'{host}' identified by '{self._password}';"
            f"grant all on slurm_acct_db.* to 'slurm'@'{host}';"
            for host in ("127.0.0.1", "localhost")
        )
        self._must("mariadb", *client, "-e", f"create database slurm_acct_db; {grants}")
        self.daemons.start("slurmdbd", "slurmdbd", "-D")
        until(self._cluster_is_known, f"slurmdbd knows the cluster: {self.daemons.said('slurmdbd')}")

    def _cluster_is_known(self) -> bool:
        self._try(["sacctmgr", "-n", "-i", "add", "cluster", "farpoint"])
        return "farpoint" in self._try(["sacctmgr", "-n", "-P", "list", "cluster", "format=cluster"]).stdout

    def _must(self, *argv: str) -> None:
        done = self._try(list(argv))
        assert done.returncode == 0, f"{argv[0]}: {done.stderr or done.stdout}"


@contextmanager
def cluster(*, accounting: bool, min_job_age: int) -> Iterator[Slurm]:
    """A Slurm for as long as the block lasts."""
    require([*PROGRAMS, *(ACCOUNTING if accounting else ())])
    folder = Path(tempfile.mkdtemp(prefix="farpoint-slurm-"))
    made = Slurm(folder, accounting, min_job_age)
    try:
        made.up()
        yield made
    finally:
        made.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """Slurm without accounting. Tests with it are marked `xdist_group("slurm")`, so one worker has it."""
    with cluster(accounting=False, min_job_age=300) as made:
        yield made


@pytest.fixture(scope="session")
def accounted_slurm() -> Iterator[Slurm]:
    """Slurm with slurmdbd, whose controller forgets a finished job within seconds. Marked as `slurm` is."""
    with cluster(accounting=True, min_job_age=2) as made:
        yield made
