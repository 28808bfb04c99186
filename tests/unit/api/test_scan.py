import asyncio
import json
import shutil
import threading
from pathlib import Path

import pytest

import farpoint as fp
from farpoint.api import waiting
from farpoint.api.scan import Scan
from farpoint.errors import BadInput, BadPoints, BadTask, InsideRun, NotFound
from farpoint.points import grid
from farpoint.project import Project
from farpoint.verbs import watch
from still import StillMachine, finish, place_picture, rest, write_notebook


@pytest.fixture
def scan(project: Project) -> Scan:
    return Scan("toy.ipynb", grid(x=[1, 2, 3, 4]), project=project).submit()


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# -------------------------------------------------------------------------------------------- making one
def test_making_one_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARPOINT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    write_notebook(tmp_path / "toy.ipynb")
    before = tree(tmp_path)
    scan = Scan("toy.ipynb", grid(x=[1, 2]), name="mine", files=["toy.ipynb"], save="*.h5")
    assert (scan.name, scan.save, scan.files) == ("mine", ("*.h5",), {"toy.ipynb": "toy.ipynb"})
    assert tree(tmp_path) == before


def test_what_cannot_be_is_told_at_once(project: Project) -> None:
    with pytest.raises(BadTask, match=r"no notebook 'tyo.ipynb'.*there: toy.ipynb"):
        Scan("tyo.ipynb", project=project)
    with pytest.raises(BadPoints, match=r"no parameter 'xx'.*Did you mean 'x'"):
        Scan("toy.ipynb", grid(xx=[1]), project=project)
    for points in ([{"x": object()}], grid(x=[object()])):
        with pytest.raises(BadPoints, match="'x' cannot be sent for point 0: value is a object"):
            Scan("toy.ipynb", points, project=project)
    (project.root / "broken.ipynb").write_text("{")
    with pytest.raises(BadTask, match="not a notebook"):
        Scan("broken.ipynb", project=project)


def test_without_a_parameters_cell_there_is_a_warning(project: Project) -> None:
    write_notebook(project.root / "bare.ipynb", parameters=None)
    assert "parameters" in Scan("bare.ipynb", grid(x=[1]), project=project)._said[0]


def test_before_it_is_submitted_it_shows_its_points(project: Project, machine: StillMachine) -> None:
    machine.off = True
    scan = Scan("toy.ipynb", grid(x=[1, 2], y=[3]), project=project)
    assert len(scan) == 2
    assert scan.table["run_state"].tolist() == ["NEW", "NEW"]
    assert scan.counts == {"NEW": 2}
    assert "toy: 2 points · 2 NEW" in repr(scan)
    assert scan[1].parameters == {"x": 2, "y": 3}
    assert scan[1].state == "NEW"


def test_a_notebook_without_points_is_one_run(project: Project) -> None:
    assert len(Scan("toy.ipynb", project=project).submit()) == 1


# -------------------------------------------------------------------------------------------- preview, submit
def test_a_preview_sends_nothing(project: Project, machine: StillMachine) -> None:
    seen = Scan("toy.ipynb", grid(x=[1, 2]), project=project).preview(cpus=2)
    assert (seen.points, seen.starts, seen.jobs, seen.machine, seen.why) == (2, 2, 1, "local", "two cores here")
    assert "#!/bin/sh" in seen.script
    assert "#!/bin/sh" in repr(seen)
    assert "<details>" in seen._repr_html_()
    assert not machine.jobs
    assert project.folders.scans() == []


def test_submitting_starts_the_driver(scan: Scan, project: Project, machine: StillMachine) -> None:
    assert watch.driver(project).wait(lambda: scan.counts == {"QUEUED": 4}, timeout=20)
    assert len(machine.jobs) == 1
    assert scan.folder == project.root / "farpoint_runs" / "toy"


def test_asked_again_points_attach(scan: Scan, project: Project) -> None:
    finish(project, "toy", 1, energy=2.0)
    again = Scan("toy.ipynb", grid(x=[2, 9]), project=project).submit()
    assert again.numbers == (1, 4)
    assert again.completed.numbers == (1,)


def test_attaching_is_announced(scan: Scan, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    finish(project, "toy", 0)
    finish(project, "toy", 1, "FAILED")
    Scan("toy.ipynb", grid(x=[1, 2]), project=project).submit()
    said = capsys.readouterr().out
    assert "↻ toy: 1 result found again; rerun=True repeats them" in said
    assert "↻ toy: 1 point FAILED before" in said


def test_a_wrong_answer_about_changes(project: Project) -> None:
    with pytest.raises(BadInput, match="neither"):
        Scan("toy.ipynb", project=project).submit(changed="maybe")


def test_resources_are_checked_before_anything_is_written(project: Project, machine: StillMachine) -> None:
    with pytest.raises(BadInput, match="cpus=64"):
        Scan("toy.ipynb", project=project).submit(cpus=64)
    assert project.folders.scans() == []
    assert not machine.jobs


# -------------------------------------------------------------------------------------------- inside a run
@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spec.json").write_text(json.dumps({"task": {"name": "toy.ipynb"}, "input": "/x/toy.ipynb"}))
    monkeypatch.setenv("FARPOINT_RUN", "fp/0")
    monkeypatch.setenv("FARPOINT_SPEC", str(tmp_path / "spec.json"))
    monkeypatch.setenv("FARPOINT_EVENTS", str(tmp_path / "events"))


def test_a_scan_of_the_running_notebook_is_nothing(inside: None, capsys: pytest.CaptureFixture[str]) -> None:
    scan = Scan("somewhere/toy.ipynb", [{"any": 1}]).submit().wait()
    assert capsys.readouterr().out.count("\n") == 1
    assert not len(scan.table)


def test_another_is_submitted_from_inside_only_on_purpose(inside: None, project: Project) -> None:
    write_notebook(project.root / "other.ipynb")
    scan = Scan("other.ipynb", project=project)
    with pytest.raises(InsideRun, match="nested=True"):
        scan.submit()
    assert len(scan.submit(nested=True)) == 1


# -------------------------------------------------------------------------------------------- choosing
def test_parts_of_a_scan(scan: Scan, project: Project) -> None:
    finish(project, "toy", 0, energy=1.0)
    finish(project, "toy", 1, energy=5.0)
    finish(project, "toy", 2, "FAILED")
    assert isinstance(scan.failed, Scan)
    assert scan.failed.numbers == (2,)
    assert scan.completed.numbers == (0, 1)
    assert scan[1:3].numbers == (1, 2)
    assert scan[2:].numbers == (2, 3)
    assert scan[::2].numbers == (0, 2)
    assert scan.where("energy > 2").numbers == (1,)
    assert scan.where("run_state == 'FAILED' or x == 1").numbers == (0, 2)
    assert scan.where(lambda table: table.x >= 3).numbers == (2, 3)
    assert scan[1:3].where("x > 2").numbers == (2,)
    assert [run.number for run in scan[1:]] == [1, 2, 3]
    assert len(scan) == 4


def test_a_point_that_is_not_there(scan: Scan) -> None:
    with pytest.raises(NotFound, match="points: 0 to 3"):
        scan[7]
    with pytest.raises(BadInput, match="columns: x, run_state"):
        scan.where("nonsense > 3")


def test_added_points_belong_to_the_scan_once_submitted(scan: Scan, project: Project) -> None:
    new = scan.add([{"x": 3}, {"x": 30}, {"x": 31}])
    assert len(new) == 2
    assert new.counts == {"NEW": 2}
    assert len(scan) == 4
    assert new.submit().numbers == (4, 5)
    assert scan.numbers == (0, 1, 2, 3, 4, 5)
    with pytest.raises(BadPoints, match="no parameter 'z'"):
        scan.add([{"z": 1}])


def test_parameters_keep_the_order_they_were_given_in(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(y=[1, 2, 3], x=[5, 6]), project=project).submit()
    assert list(scan.table.columns)[:2] == ["y", "x"]
    assert list(scan[0].parameters) == ["y", "x"]
    assert list(fp.attach(scan[0].id, project=project).parameters) == ["y", "x"]
    assert repr(scan).index("y") < repr(scan).index("x")
    assert scan.contact_sheet().png[16:20] < scan.contact_sheet(columns=3).png[16:20]


def test_ask_and_tell(project: Project) -> None:
    scan = Scan("toy.ipynb", grid(x=[0]), project=project).submit()
    for step in range(1, 4):
        finish(project, "toy", step - 1, energy=float(step))
        best = scan.table["energy"].max()
        scan.add([{"x": int(best) * 10}]).submit()
    assert scan.table["x"].tolist() == [0, 10, 20, 30]


def test_a_part_is_submitted_again_by_itself(scan: Scan, project: Project) -> None:
    finish(project, "toy", 0)
    finish(project, "toy", 1)
    scan[0:1].submit(rerun=True)
    assert scan[0].attempts[-1]["attempt"] == 2
    assert scan.counts["COMPLETED"] == 1


# -------------------------------------------------------------------------------------------- waiting
def test_waiting_ends_with_the_last_run(scan: Scan, project: Project) -> None:
    for number in range(4):
        threading.Timer(0.1 * number, finish, (project, "toy", number)).start()
    assert scan.wait(timeout=30) is scan
    assert scan.counts == {"COMPLETED": 4}


def test_waiting_has_a_limit(scan: Scan) -> None:
    assert not scan.wait(timeout=0.1).completed.numbers


def test_an_interrupt_stops_the_watching_only(
    scan: Scan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting, "wait_for", interrupted)
    assert scan.wait() is scan
    assert "4 runs of toy go on" in capsys.readouterr().out
    assert scan.counts.get("CANCELLED") is None


def test_await_and_callbacks(scan: Scan, project: Project) -> None:
    called: list[int] = []
    scan[0].add_done_callback(lambda run: called.append(run.number))
    scan[1].add_done_callback(lambda run: 1 / 0)

    async def main() -> tuple[dict, Scan]:
        for number in range(4):
            asyncio.get_running_loop().call_later(0.1 * number, finish, project, "toy", number, "COMPLETED")
        first, whole = await asyncio.gather(scan[0], waiting_for(scan))
        return first, whole

    async def waiting_for(one: Scan) -> Scan:
        return await one

    first, whole = asyncio.run(asyncio.wait_for(main(), 30))
    assert first == {}
    assert whole is scan
    assert called == [0]
    scan[0].add_done_callback(lambda run: called.append(10))
    assert called == [0, 10]


def test_a_run_is_a_future(scan: Scan, project: Project) -> None:
    run = scan[2]
    assert (run.done(), run.running(), run.cancelled()) == (False, False, False)
    with pytest.raises(TimeoutError, match="point 2 of toy is"):
        run.result(timeout=0.05)
    finish(project, "toy", 2, energy=1.5, names=("a", "b"))
    assert run.result(timeout=20) == {"energy": 1.5, "names": ("a", "b")}
    assert run.exception() is None
    assert run.seconds == 2.0
    assert run.cancel() is False


def test_a_failed_run_raises_its_own_type(scan: Scan, project: Project) -> None:
    finish(project, "toy", 0, "FAILED")
    with pytest.raises(ValueError, match=r"point 0 of toy \(x=1\) failed: ValueError: no luck\n\nTraceback"):
        scan[0].result()
    assert isinstance(scan[0].exception(), fp.RunFailed)
    assert scan[0].error["type"] == "ValueError"
    assert scan[0].reason == "exception"


# -------------------------------------------------------------------------------------------- retry, cancel
def test_retry_starts_what_has_no_result(scan: Scan, project: Project, machine: StillMachine) -> None:
    for number, state in enumerate(["COMPLETED", "FAILED", "LOST", "CANCELLED"]):
        finish(project, "toy", number, state)
    scan.retry(memory="1 GB")
    assert scan.completed.numbers == (0,)
    assert [run.attempts[-1]["attempt"] for run in scan] == [1, 2, 2, 2]
    with pytest.raises(BadInput, match="nothing to retry"):
        scan.completed.retry()


def test_cancel_asks(scan: Scan, project: Project) -> None:
    finish(project, "toy", 0)
    scan.cancel()
    wished = [row.cancel > 0 or row.state == "CANCELLED" for row in project.store.runs(project.id, scan="toy")]
    assert wished == [False, True, True, True]


# -------------------------------------------------------------------------------------------- looks and files
def test_reprs_ask_nobody(scan: Scan, project: Project, machine: StillMachine) -> None:
    finish(project, "toy", 0, energy=1.0)
    finish(project, "toy", 1, "FAILED")
    place_picture(project, 0)
    rest(project)
    machine.off = True
    for thing in (scan, scan.failed, scan[0], scan[1]):
        assert "toy" in repr(thing)
        assert "fp-head" in thing._repr_html_()
    assert scan._repr_html_().count("<img") == 1
    assert scan[0]._repr_html_().count("<img") == 1
    assert len(scan.table) == 4
    assert scan.table["run_folder"].tolist()[0].endswith("point_0000")


def test_a_report_and_a_sheet(scan: Scan, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish(project, "toy", 0, energy=1.0)
    finish(project, "toy", 1, "FAILED")
    place_picture(project, 0)
    page = scan.to_html(tmp_path / "toy.html").read_text()
    assert page.count('src="data:image/') == 1
    assert f"{tmp_path / 'toy.html'}: " in capsys.readouterr().out
    assert "notebook toy.ipynb" in page
    sheet = scan.contact_sheet(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes() == sheet.png
    assert scan.to_html().name == "toy.html"


def test_results_come_one_at_a_time(scan: Scan, project: Project) -> None:
    finish(project, "toy", 1, energy=5.0)
    found = scan.results()
    assert next(found) == ({"x": 2}, {"energy": 5.0})
    assert list(found) == []
    assert scan.to_xarray()["energy"].sel(x=2) == 5.0


def test_messages_tell_what_is_paused(scan: Scan, project: Project) -> None:
    rest(project)
    with project.store.write() as writer:
        writer.pause("local", "sign-in needed", 1e12, 1)
    assert scan.messages == ["machine local is paused: sign-in needed"]
    assert "sign-in needed" in repr(scan)


# -------------------------------------------------------------------------------------------- finding again
def test_attach_by_folder_name_and_id(scan: Scan, project: Project) -> None:
    finish(project, "toy", 1, energy=5.0)
    place_picture(project, 1)
    (scan.folder / "point_0001" / "point.json").write_text(json.dumps({"number": 1}))
    for what in ("toy", scan.folder, "farpoint_runs/toy"):
        found = fp.attach(what, project=project)
        assert isinstance(found, Scan)
        assert found.table["x"].tolist() == [1, 2, 3, 4]
    for what in (scan[1].id, scan.folder / "point_0001"):
        found = fp.attach(what, project=project)
        assert isinstance(found, fp.Run)
        assert found.result() == {"energy": 5.0}
    assert fp.attach("toy", project=project).submit(rerun=True)[1].attempts[-1]["attempt"] == 2


def test_attach_after_the_index_was_deleted(
    scan: Scan, project: Project, machine: StillMachine, tmp_path: Path
) -> None:
    rest(project)
    ids = [run.id for run in scan]
    project.close()
    other = Project(project.root, state=tmp_path / "other", machines={"local": machine})
    found = fp.attach("toy", project=other)
    assert [run.id for run in found] == ids
    assert fp.attach(ids[2], project=other).number == 2
    rest(other)


def test_what_is_not_there_is_told(scan: Scan, project: Project, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no scan or run 'toyy'.*scans: toy.*Did you mean 'toy'"):
        fp.attach("toyy", project=project)
    with pytest.raises(NotFound, match=r"no scan\.json"):
        fp.attach(tmp_path)
    with pytest.raises(NotFound, match=r"no point\.json"):
        fp.attach(scan.folder / "jobs", project=project)


def test_runs_of_the_project(scan: Scan, project: Project) -> None:
    finish(project, "toy", 3, "FAILED")
    write_notebook(project.root / "other.ipynb")
    Scan("other.ipynb", grid(y=[5]), project=project).submit()
    everything = fp.runs(project=project)
    assert len(everything) == 5
    assert everything.loc[("other", 0), "run_parameters"] == "y=5"
    assert fp.runs("failed", project=project).index.tolist() == [("toy", 3)]
    with pytest.raises(BadInput, match="is not a state"):
        fp.runs("BROKEN", project=project)


def test_one_project_a_folder(project: Project) -> None:
    first, second = Scan("toy.ipynb"), Scan(project.root / "toy.ipynb", name="b")
    assert first.project is second.project
    first.project.close()


def test_the_removed_scan_is_told(scan: Scan, project: Project) -> None:
    run = scan[0]
    rest(project)
    shutil.rmtree(scan.folder)
    with project.store.write() as writer:
        writer.forget_scan(project.id, "toy")
    with pytest.raises(NotFound, match="removed"):
        repr(run)
