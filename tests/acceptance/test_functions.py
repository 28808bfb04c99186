"""Functions sent away from real processes: found again, edited, raising, dying, large arguments stored once."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def test_the_same_call_is_found_again_and_an_edited_one_runs(desk):
    desk.project.mkdir()
    (desk.project / "own.py").write_text("def scaled(x):\n    return x * 10\n")
    code = """
        import os, farpoint as fp, own
        @fp.remote
        def task(x):
            line = os.open({effects!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(line, b"ran\\n")
            return own.scaled(x) + {plus}
        print(task.submit(4).result(timeout=60))
    """
    given = {"effects": str(desk.project / "effects.txt")}
    first = desk.run(code.format(plus=1, **given))
    again = desk.run("#\n" + textwrap.dedent(code.format(plus=1, **given)))
    assert first.split() == ["41"]
    assert again.splitlines()[-1] == "41"
    assert "found again" in again
    assert len(desk.effects()) == 1

    assert desk.run(code.format(plus=2, **given)).split()[-1] == "42"
    (desk.project / "own.py").write_text("def scaled(x):\n    return x * 100\n")
    assert desk.run(code.format(plus=2, **given)).split()[-1] == "402"
    assert len(desk.effects()) == 3


def test_a_call_that_dies_takes_no_other_with_it(desk):
    shown = desk.run(
        """
        import os, sys, time, farpoint as fp
        class Odd(Exception):
            def __init__(self, left, right):
                super().__init__(f"{left} and {right}")
                self.left = left
        class Mute(Exception):
            def __str__(self):
                raise RuntimeError("no words")
        class Holder(Exception):
            def __init__(self, text):
                import threading
                super().__init__(text)
                self.text, self.lock = text, threading.Lock()
        @fp.remote(time="4s")
        def zoo(kind):
            if kind == "odd": raise Odd(1, 2)
            if kind == "mute": raise Mute()
            if kind == "holder": raise Holder("held")
            if kind == "group": raise ExceptionGroup("both", [ValueError(1), KeyError("k")])
            if kind == "chained":
                try:
                    1 / 0
                except ZeroDivisionError as fault:
                    raise LookupError("after") from fault
            if kind == "interrupt": raise KeyboardInterrupt("now")
            if kind == "deep": zoo_again(kind)
            if kind == "exit": sys.exit(3)
            if kind == "gone": os._exit(4)
            if kind == "killed": os.kill(os.getpid(), 9)
            if kind == "slow": time.sleep(60)
            return kind
        def zoo_again(kind):
            zoo_again(kind)
        kinds = "odd mute holder group chained interrupt deep exit gone killed slow fine".split()
        scan = zoo.map(kinds)
        for kind, run in zip(kinds, scan):
            fault = run.exception(timeout=100)
            far = str(fault.__cause__ or fault) if fault and kind != "mute" else str(fault.__cause__) if fault else ""
            print(kind, type(fault).__name__, run.reason.replace(" ", "-") or "-", "line " in far, sep=",")
        print(scan[0].exception().left, isinstance(scan[0].exception(), Odd), scan[2].exception().text)
        print("ZeroDivisionError" in str(scan[4].exception().__cause__))
        """,
        timeout=180,
    ).splitlines()
    assert shown == [
        "odd,Odd,exception,True",
        "mute,Mute,exception,True",
        "holder,Holder,exception,True",
        "group,ExceptionGroup,exception,True",
        "chained,LookupError,exception,True",
        "interrupt,RemoteError,exception,True",
        "deep,RecursionError,exception,True",
        "exit,RunFailed,exit-code-3,True",
        "gone,RunFailed,exit-code-4,False",
        "killed,RunFailed,killed-by-signal-9,False",
        "slow,RunFailed,timeout,False",
        "fine,NoneType,-,False",
        "1 True held",
        "True",
    ]


def test_what_comes_back_is_what_was_returned(desk):
    shown = desk.run(
        """
        import dataclasses, numpy, pandas, farpoint as fp
        @dataclasses.dataclass
        class Found:
            energy: float
            path: list
        def make(kind):
            return {
                "mapping": {"energy": 2.5, "steps": 3}, "dataclass": Found(1.5, [1, 2]), "none": None,
                "tuple": (1, "a"),
                "array": numpy.arange(20_000), "lambda": lambda x: x + 1, "class": Found, "set": {1, 2},
                "frame": pandas.DataFrame({"a": [1, 2]}, index=["p", "q"]),
                "objects": pandas.DataFrame({"a": [{1}, {2}]}), "empty": {},
            }[kind]
        kinds = "mapping dataclass none tuple array lambda class set frame objects empty".split()
        scan = fp.Scan(make, fp.grid(kind=kinds)).submit().wait(timeout=100)
        table = scan.table
        print(table.loc[0, ["energy", "steps"]].tolist(), table.loc[1, "energy"], table.loc[3, "result"])
        got = dict(zip(kinds, [run.result() for run in scan]))
        here = {kind: make(kind) for kind in kinds}
        assert all(got[kind] == here[kind] for kind in "mapping dataclass none tuple class set empty".split())
        assert (got["array"] == here["array"]).all() and got["lambda"](2) == 3
        assert got["frame"].equals(here["frame"]) and got["objects"].equals(here["objects"])
        assert "run_result" not in table and not [name for name in table if "run_result" in name]
        print(sorted(type(scan[n].result()).__name__ for n in range(4)))
        """
    ).splitlines()
    assert shown == ["[2.5, 3.0] 1.5 (1, 'a')", "['Found', 'NoneType', 'dict', 'tuple']"]


def test_a_large_array_is_stored_once_for_twenty_calls(desk):
    desk.run(
        """
        import numpy, farpoint as fp
        big = numpy.random.default_rng(1).random(12_500_000)
        def part(place, data, box):
            return float(data[place] + box["inner"][place])
        scan = fp.Scan(part, fp.grid(place=range(20)), data=big, box={"inner": big, "odd": {1: print}})
        scan.submit().wait(timeout=150)
        assert [run.result() for run in scan] == [2 * big[place] for place in range(20)]
        """,
        timeout=200,
    )
    files = [path.lstat() for path in desk.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    stored = {each.st_ino: each.st_blocks * 512 for each in files if each.st_size > 50_000_000}
    here = desk.project / "farpoint_runs" / "blobs"
    assert sum(1 for path in here.rglob("*") if path.is_file() and path.stat().st_size > 50_000_000) == 1
    assert len(stored) <= 2  # what was accepted here, and what is there
    assert sum(stored.values()) < 2.1 * 100_000_000


def test_retry_and_attach_in_a_process_without_the_code(desk):
    desk.run(
        """
        import pathlib, farpoint as fp
        mark = pathlib.Path("mark").absolute()
        class Box:
            def __init__(self, x): self.x = x
        def flaky(box, y):
            if not mark.exists(): raise ValueError(box.x)
            return box.x + y
        scan = fp.Scan(flaky, [{"box": Box(2)}, {"box": Box(3)}], y=10).submit().wait(timeout=60)
        assert scan.counts == {"FAILED": 2}
        mark.touch()
        """
    )
    shown = desk.run(
        """
        import farpoint as fp
        scan = fp.attach("flaky")
        scan.failed.retry(memory="1 GB").wait(timeout=60)
        print([run.result() for run in scan], scan.counts)
        """
    )
    assert shown == "[12, 13] {'COMPLETED': 2}\n"


def test_methods_notebook_classes_and_waiting(desk):
    shown = desk.run(
        """
        import asyncio, time, farpoint as fp
        class Model:
            def __init__(self, rate): self.rate = rate
            @fp.remote
            def fit(self, x): return self.rate * x
        @fp.remote
        def slow(seconds):
            time.sleep(seconds)
            return seconds
        print(Model(3).fit.submit(5).result(timeout=60), slow(0))
        runs = [slow.submit(2.5), slow.submit(0.1)]
        print([run.result() for run in fp.as_completed(runs, timeout=60)])
        done, left = fp.wait(runs, return_when="ALL_COMPLETED", timeout=60)
        print(len(done), len(left))
        async def main():
            return await asyncio.gather(*[slow.submit(each) for each in (0.2, 0.3)])
        print(asyncio.run(main()))
        try:
            list(fp.as_completed([slow.submit(30)], timeout=0.2))
        except TimeoutError as fault:
            print(type(fault).__name__)
        print(slow.submit(30).cancel())
        """
    ).splitlines()
    assert shown == ["15 0", "[0.1, 2.5]", "2 0", "[0.2, 0.3]", "NotFinished", "True"]


def test_an_environment_of_another_python_or_without_anything(desk):
    bare = desk.folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    shown = desk.run(
        f"""
        import farpoint as fp
        class Own(Exception):
            pass
        @fp.remote
        def look(x):
            import sys
            import farpoint as fp
            fp.record(seen=x)
            if x == 1: raise Own("one")
            return sys.prefix, fp.__file__.endswith("stand_in/farpoint/__init__.py")
        there = look.on(environment={str(bare / "bin" / "python")!r})
        print(there.submit(0).result(timeout=60), repr(there.submit(1).exception(timeout=60)))
        """
    )
    assert shown == f"({str(bare)!r}, True) Own('one')\n"


def test_a_deleted_index_loses_no_call(desk):
    code = """
        import numpy, farpoint as fp
        def total(data, factor): return {"total": float(data.sum()) * factor, "kind": print}
        scan = fp.Scan(total, fp.grid(factor=[1, 2]), data=numpy.ones(10_000)).submit().wait(timeout=60)
        print([run.result()["total"] for run in scan], scan[0].result()["kind"] is print)
    """
    first = desk.run(code)
    for path in (desk.folder / "state").glob("store.sqlite*"):
        path.unlink()
    assert desk.run(code).splitlines()[-1] == first.splitlines()[-1] == "[10000.0, 20000.0] True"


def test_files_that_stand_in_the_code_travel(desk):
    desk.project.mkdir()
    (desk.project / "mesh.txt").write_text("12 34")
    code = """
        import farpoint as fp
        @fp.remote
        def total():
            with open("mesh.txt") as file:
                return sum(map(int, file.read().split()))
        def reset():
            open("mesh.txt", "w")
        print(total.submit().result(timeout=60))
    """
    assert desk.run(code).splitlines() == ["  mesh.txt is read by the function and travels with it", "46"]
    (desk.project / "mesh.txt").write_text("1 2")
    assert desk.run(code).splitlines()[-1] == "3"


def test_key_and_ignore_in_other_processes(desk):
    code = """
        import os, farpoint as fp
        LOUD = {loud}
        @fp.remote(ignore=["verbose", "LOUD"], key={key!r})
        def task(x, verbose={loud}):
            line = os.open({effects!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(line, b"ran\\n")
            return x + {plus} if LOUD or verbose else x + {plus}
        print(task.submit(4, verbose={loud}).result(timeout=60))
    """
    given = {"effects": str(desk.project / "effects.txt")}
    said = [
        desk.run(code.format(loud=loud, plus=plus, key=key, **given)).splitlines()[-1]
        for loud, plus, key in [(False, 1, None), (True, 1, None), (True, 2, "v1"), (False, 3, "v1"), (False, 3, "v2")]
    ]
    assert said == ["5", "5", "6", "6", "7"]
    assert len(desk.effects()) == 3


def test_a_segfault_and_a_call_that_eats_memory_touch_no_other(desk):
    shown = desk.run(
        """
        import ctypes, time, farpoint as fp
        @fp.remote(memory="300 MB")
        def call(kind):
            if kind == "segfault": ctypes.string_at(0)
            if kind == "memory":
                eaten = [bytearray(20_000_000) for _ in range(100)]
                for each in eaten: each[::4096] = b"x" * len(each[::4096])
                time.sleep(60)
            time.sleep(1)
            return kind
        scan = call.map(["fine", "segfault", "memory", "well"])
        for run in scan:
            fault = run.exception(timeout=150)
            print(run.parameters["kind"], type(fault).__name__, run.state, run.reason, sep=",")
        """,
        timeout=200,
    ).splitlines()
    assert shown == [
        "fine,NoneType,COMPLETED,",
        "segfault,RunFailed,FAILED,killed by signal 11",
        "memory,RunFailed,FAILED,out of memory",
        "well,NoneType,COMPLETED,",
    ]


def test_objects_are_an_axis(desk):
    code = """
        import farpoint as fp
        class Spring:
            def __init__(self, rate): self.rate = rate
        def force(spring, x): return spring.rate * x
        scan = fp.Scan(force, fp.grid(spring=[Spring(2), Spring(3)], x=[1, 10])).submit().wait(timeout=100)
        print([run.result() for run in scan], scan.table["result"].tolist())
    """
    first, again = (desk.run(code).splitlines() for _ in range(2))
    assert first[-1] == again[-1] == "[2, 20, 3, 30] [2, 20, 3, 30]"
    assert "4 results found again" in again[0]
