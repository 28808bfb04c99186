"""Points that fail now and then are tried again by their pilot: counted as attempts, kept, found again from disk."""

from __future__ import annotations

import shutil

from desk import notebook

SCAN = """
    import farpoint as fp
    scan = fp.Scan("task.ipynb", fp.grid(x=[0, 1, 2]), name="moody", save=["note.txt"])
    print(scan.preview(retries=2))
    scan.submit(retries=2).wait(timeout=120)
"""
LOOK = """
    import farpoint as fp
    scan = fp.attach("moody")
    scan.wait(timeout=60)
    for run in scan:
        tries = [(each["attempt"], str(each["state"]), each["reason"]) for each in run.attempts]
        print(run.number, scan.table["run_state"][run.number], tries)
        print(run.number, "said", scan.logs(run.number).split())
"""


def test_a_failed_point_is_tried_again_in_its_place(desk):
    effects = desk.project / "effects.txt"
    desk.write(
        notebook(
            "x = 0",
            f"""
            import os
            line = os.open({str(effects)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(line, f"{{x}}\\n".encode())
            tries = open({str(effects)!r}).read().split().count(str(x))
            open("note.txt", "w").write(str(tries))
            print("try", tries)
            """,
            """
            if x == 1 and tries < 3: os._exit(4)
            if x == 2: raise OSError("no licence is free")
            """,
        )
    )

    shown = desk.run(SCAN)

    assert "tried again up to 2 times" in shown
    assert sorted(desk.effects()) == ["0", *"111", *"222"]
    expected = [
        "0 COMPLETED [(1, 'COMPLETED', '')]", "0 said ['try', '1']",
        "1 COMPLETED [(1, 'FAILED', 'exit code 4'), (2, 'FAILED', 'exit code 4'), (3, 'COMPLETED', '')]",
        "1 said ['try', '3']",
        f"2 FAILED {[(n, 'FAILED', 'exception') for n in (1, 2, 3)]}",
    ]  # fmt: skip
    assert desk.run(LOOK).splitlines()[:5] == expected
    scan = desk.project / "farpoint_runs" / "moody"
    kept = {str(path.relative_to(scan)): path.read_text() for path in scan.glob("point_*/**/note.txt")}
    last, earlier = {0: 1, 1: 3, 2: 3}, [(number, tries) for number in (1, 2) for tries in (1, 2)]
    assert kept == {
        **{f"point_{number:04}/note.txt": str(tries) for number, tries in last.items()},
        **{f"point_{number:04}/attempt_{tries}/note.txt": str(tries) for number, tries in earlier},
    }

    shutil.rmtree(desk.folder / "state")
    desk.run("from farpoint.ui.cli import main; main(['recover'])")

    assert desk.run(LOOK).splitlines()[:5] == expected
    assert len(desk.effects()) == 7
