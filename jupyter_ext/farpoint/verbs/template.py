"""An entry of farpoint.toml to fill in by hand, for where `farpoint add` cannot look.

Knows every setting and what it means; names no scheduler by itself.
"""

from __future__ import annotations

from farpoint.entry import Entry, Setting
from farpoint.errors import BadInput, nearest
from farpoint.machines import registry

KINDS = ("machine",)


def template(scheduler: str) -> str:
    """The commented text for a machine with that scheduler; BadInput names the ones there are.

    >>> print(template("direct").splitlines()[0])
    [machines.hpc]
    """
    installed = registry.Installed(registry.SCHEDULERS)
    if scheduler not in installed:
        known = ", ".join(sorted(installed))
        raise BadInput(f"there is no scheduler {scheduler!r} (installed: {known}).{nearest(scheduler, installed)}")
    made = installed[scheduler]()
    settings = [
        Setting("host", "hpc", "what ssh calls it; leave it out where this computer submits itself"),
        Setting("scheduler", scheduler, _needs(made.programs)),
        Setting("statedir", "~/.local/state/farpoint", "small files that must stay and that compute nodes see"),
        Setting("workdir", "/scratch/me/farpoint", "inputs and results, where there is room"),
        Setting("python", "/usr/bin/python3", "runs the pilots: 3.6 or newer, no package needed"),
        Setting("environment", "~/envs/work/bin/python", "runs your code; `farpoint env hpc` builds one"),
    ]
    if not made.here:
        settings += [
            Setting("max_jobs", 50, "pilots in queue and running at once"),
            Setting("max_array", 1000, "pilots in one job"),
            Setting("max_running", 50, "pilots running at once"),
        ]
    spare = [
        'setup = ["module load python"]      lines of shell before each pilot',
        'env = {OMP_PROC_BIND = "true"}      variables of each pilot',
        'launcher = "srun"                   starts the ranks of runs with tasks above 1',
        'capabilities = ["gpu", "internet"]  words a run or a profile may ask for',
        'purge = "30d"                       files may be deleted there after so long',
        'keep_login = "8h"                   so long a sign-in is kept after its last use',
        'poll = "30s"                        how often it is looked at',
        'agent = "off"                       nothing stays on the login node between commands',
    ]
    if not made.here:
        spare.insert(
            2, 'header = ["…"]                      directive lines of each job, as your site\'s pages show them'
        )
    settings += [Setting("", why=line) for line in spare]
    queues = {} if made.here else {"short": [Setting("time", "1h", "the most one run can have there"), *_LIMITS]}
    return Entry("hpc", settings, "", queues).text()


_LIMITS = (Setting("cpus", 32), Setting("memory", "120GB"), Setting("gpus", 0), Setting("nodes", 1))


def _needs(programs: tuple[str, ...]) -> str:
    return f"needs {', '.join(programs)} there" if programs else "none: runs start at once on that computer"
