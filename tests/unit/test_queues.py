import json
from pathlib import Path

import pytest

from farpoint.errors import BadResources
from farpoint.model import Queue, Resources
from farpoint.queues import Ask, choose, matching, sort_out
from farpoint.resources import parse_memory, parse_time

VECTORS = json.loads((Path(__file__).parents[1] / "golden" / "vectors" / "partitions.json").read_text())


def queues_of(system):
    found = VECTORS["config"]["systems"][system]
    return [
        Queue(name, limits["num_cores"], parse_memory(limits["max_mem"]), parse_time(limits["max_time"]))
        for name, limits in (found.get("partitions") or found["queues"]).items()
    ]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: " ".join(map(str, case.values())))
def test_the_vectors(case):
    given, queues = case["resources"], queues_of(case["system"])
    wanted = given.get("partitions")
    ask = Ask(
        given.get("num_cores"), given.get("num_nodes"), parse_memory(given.get("max_mem_tot")),
        parse_time(given["max_time"]), part=case["partial_node"], exact=case["exact_fit"],
    )  # fmt: skip
    try:
        fits, _ = sort_out(ask, matching("|".join(wanted) if isinstance(wanted, list) else wanted, queues, "hpc"))
    except BadResources:
        fits = []
    if "error" in case:
        assert not fits
        return
    best = fits[0]
    assert (best.queue.name, best.nodes, best.cores) == (case["partition"], case["num_nodes"], case["num_cores"])
    assert best.cores // best.nodes == case["num_cores_per_node"]


def pick(queues, **needs):
    return choose(Resources(**needs), queues, "hpc").queue.name


def test_the_queue_with_the_least_unused_and_the_first_of_equals():
    queues = [Queue("big", cpus=64), Queue("small", cpus=16), Queue("other", cpus=16)]
    assert pick(queues, cpus=4) == "small"
    assert pick(queues, cpus=17) == "big"
    assert pick(queues, cpus=16, tasks=4, nodes=4) == "small"


def test_gpus_are_kept_for_those_who_need_them():
    queues = [Queue("gpu", cpus=16, gpus=4), Queue("cpu", cpus=64, gpus=0), Queue("unknown", cpus=16)]
    assert pick(queues, cpus=16) == "unknown"
    assert pick(queues[:2], cpus=16) == "cpu"
    assert pick(queues[1:], cpus=16, gpus=2) == "unknown", "it may have them"
    assert pick(queues, cpus=16, gpus=2) == "gpu", "it has them"


def test_nothing_fits_and_every_queue_is_named_with_what_it_lacks():
    queues = [Queue("short", cpus=16, memory=60 << 30, time=3600, gpus=0), Queue("thin", cpus=8, nodes=2)]
    with pytest.raises(BadResources) as refused:
        choose(Resources(cpus=12, memory=80 << 30, time=7200, gpus=1, nodes=3), queues, "hpc")
    said = str(refused.value)
    assert "no queue of machine 'hpc' fits cpus=12 nodes=3 memory=80GB time=2:00:00 gpus=1" in said
    assert "short: time 1:00:00 at most, gpus 0 at most on 3 nodes" in said
    assert "thin: cpus 8 a node at most, and 12 asked there, nodes 2 at most" in said


def test_a_task_never_spans_nodes():
    """12 cores of 3 tasks on 2 nodes of 6: a node gets two tasks of 4, which it has no room for."""
    with pytest.raises(BadResources, match="cpus 6 a node at most, and 8 asked there"):
        choose(Resources(cpus=4, tasks=3, nodes=2), [Queue("q", cpus=6)], "hpc")


def test_a_queue_that_is_not_there():
    queues = [Queue("short"), Queue("long")]
    with pytest.raises(BadResources) as refused:
        choose(Resources(queue="shrt"), queues, "hpc")
    assert str(refused.value) == ("queue 'shrt' is not on machine 'hpc' (queues: short, long). Did you mean 'short'?")


def test_a_name_or_a_pattern_of_a_whole_name():
    queues = [Queue("node16_1,node16_2"), Queue("node.q"), Queue("nodeXq")]
    assert [queue.name for queue in matching("node.q", queues, "hpc")] == ["node.q"], "a name before a pattern"
    assert [queue.name for queue in matching("node16.*", queues, "hpc")] == ["node16_1,node16_2"]
    with pytest.raises(BadResources, match="not on machine"):
        matching("node16_1", queues, "hpc")
    with pytest.raises(BadResources, match="neither a queue's name nor a pattern"):
        matching("node[", queues, "hpc")


def test_why():
    queues = [Queue("debug", cpus=40, time=3600), Queue("standard", cpus=40, time=604800)]
    chosen = choose(Resources(cpus=40, time=3601), queues, "hpc")
    assert (chosen.queue.name, chosen.why) == ("standard", "debug: time 1:00:00 at most")


def test_a_machine_without_queues_has_the_schedulers_own():
    assert choose(Resources(queue="any"), [], "hpc").queue is None
