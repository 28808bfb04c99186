"""Several processes on one computer: cores shared, strays harmless, cancelling precise, recovery whole."""

from __future__ import annotations

import json

from desk import notebook

INTERVAL = """
    import os, time
    begin = time.time()
    time.sleep(hold)
    line = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(line, f"{begin}:{time.time()}:{cpus}\\n".encode())
"""
SCAN = """
    import farpoint as fp
    scan = fp.Scan("task.ipynb", fp.grid(x=range({n}), cpus=[{cpus}]), name="{name}").submit(cpus={cpus})
    scan.wait(timeout=100)
    print(scan.table.run_state.value_counts().to_dict())
"""


def busy(lines: list[str]) -> int:
    """The most cores that were busy at once."""
    marks = []
    for line in lines:
        begin, end, cpus = line.split(":")
        marks += [(float(begin), int(cpus)), (float(end), -int(cpus))]
    now = most = 0
    for _, change in sorted(marks):
        now += change
        most = max(most, now)
    return most


def test_two_processes_never_use_more_cores_than_there_are(desk):
    desk.settings("[machines.local]\ncpus = 2\n")
    desk.write(notebook("x = 0\ncpus = 1\nhold = 0.3", INTERVAL))
    effects = str(desk.project / "effects.txt")
    first = desk.start(SCAN.format(n=5, cpus=1, name="one"), EFFECTS=effects)
    second = desk.start(SCAN.format(n=5, cpus=1, name="two"), EFFECTS=effects)
    third = desk.start(SCAN.format(n=1, cpus=2, name="wide"), EFFECTS=effects)
    shown, faults = zip(*(process.communicate(timeout=120) for process in (first, second, third)), strict=True)

    assert shown == ("{'COMPLETED': 5}\n", "{'COMPLETED': 5}\n", "{'COMPLETED': 1}\n"), faults
    lines = desk.effects()
    assert len(lines) == 11
    assert busy(lines) <= 2


def test_a_stray_process_of_a_run_holds_no_core(desk):
    desk.settings("[machines.local]\ncpus = 1\n")
    stray = """
        import os, subprocess, sys
        code = "import os, time; os.setsid(); time.sleep(60)"
        if x == 0 and os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"])
            os._exit(0)
    """
    desk.write(notebook("x = 0", stray))
    shown = desk.run(
        """
        import farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=range(2))).submit().wait(timeout=50)
        print(scan.table.run_state.tolist())
        """
    )

    assert shown == "['COMPLETED', 'COMPLETED']\n"


def test_more_memory_than_there_is_is_refused_before_anything_is_sent(desk):
    desk.write(notebook("x = 0", "pass"))
    shown = desk.run(
        """
        import farpoint as fp
        try:
            fp.Scan("task.ipynb", fp.grid(x=[1])).submit(memory="900 TB")
        except fp.FarpointError as fault:
            print(fault)
        """
    )

    assert "more than machine 'local' has" in shown
    assert not (desk.project / "farpoint_runs" / "task" / "scan.json").exists()


def test_cancelling_two_of_many_leaves_the_others_alone_and_recover_shows_the_same(desk):
    desk.settings("[machines.local]\ncpus = 2\n")
    desk.write(
        notebook(
            "x = 0",
            "import time; time.sleep(0.2)\nif x == 7: raise ValueError(x)",
            "import farpoint as fp\nfp.record(y=x)",
        )
    )
    shown = desk.run(
        """
        import farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=range(20)), name="many").submit()
        scan[3].cancel()
        scan[18].cancel()
        scan.wait(timeout=110)
        print(scan.table.run_state.to_dict())
        scan.failed.retry()
        scan.wait(timeout=60)
        print(scan.table.drop(columns=["run_folder"]).to_json())
        """,
        timeout=180,
    ).splitlines()
    states = eval(shown[-2])

    assert states == {n: "CANCELLED" if n in (3, 18) else "FAILED" if n == 7 else "COMPLETED" for n in range(20)}

    for path in (desk.folder / "state").glob("store.sqlite*"):
        path.unlink()
    after = desk.run(
        """
        import farpoint as fp
        scan = fp.attach("many").wait(timeout=60)
        print(scan.table.drop(columns=["run_folder"]).to_json())
        """
    ).splitlines()[-1]
    assert json.loads(after) == json.loads(shown[-1])


def test_a_job_folder_that_somebody_removed_loses_no_point(desk):
    desk.write(notebook("x = 0", "import time; time.sleep(2)", "import farpoint as fp\nfp.record(y=x)"))
    shown = desk.run(
        """
        import os, shutil, threading
        from pathlib import Path
        import farpoint as fp
        scan = fp.Scan("task.ipynb", fp.grid(x=range(3))).submit()
        jobs = Path(os.environ["FARPOINT_STATE"]) / "machines/local/jobs"
        threading.Event().wait(2.5)  # the moment of the fault
        for folder in jobs.iterdir():
            shutil.rmtree(folder)
        scan.wait(timeout=90)
        print(scan.table.run_state.tolist(), scan.table.y.tolist())
        """
    )

    assert shown.splitlines()[-1] == "['COMPLETED', 'COMPLETED', 'COMPLETED'] [0, 1, 2]"
