"""What the benchmark reckons from what it measured."""

import os

import pytest

from benchmarks import peers
from benchmarks.__main__ import main
from benchmarks.drain import Drained, others_share, steady_cpu, steady_rate
from benchmarks.hostile import Beside
from benchmarks.percentiles import percentile
from benchmarks.processes import Broken, Sample
from benchmarks.report import Results, tables, verdicts
from benchmarks.schedules import Fired
from benchmarks.streams import Streamed
from benchmarks.waiting import Waited

MEGABYTE = 1024 * 1024


def drained(rate: float, memory: int = 100 * MEGABYTE, others: float = 0.0) -> Drained:
    return Drained(rate, (150.0, 90.0, 15.0), memory, others)


def test_the_steady_rate_leaves_a_slow_start_and_a_slow_end_out() -> None:
    start = [0.0, 5.0]
    steady = [10 + number * 0.1 for number in range(97)]
    end = [100.0]

    rate = steady_rate(start + steady + end)

    assert rate == pytest.approx(10)


def test_cpu_is_divided_by_what_was_done_between_the_samples() -> None:
    times = [number * 0.01 for number in range(1001)]
    samples = [Sample(at, (at * 0.5, at * 0.2, 0.0), 0) for at in (0.0, 2.0, 8.0, 10.0)]

    cpu = steady_cpu(samples, times)

    assert cpu == pytest.approx((5000, 2000, 0))


def test_a_drain_too_short_for_two_samples_says_so() -> None:
    times = [number * 0.0001 for number in range(1001)]

    with pytest.raises(Broken, match="larger backlog"):
        steady_cpu([Sample(0.0, (0, 0, 0), 0), Sample(0.1, (0, 0, 0), 0)], times)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert (percentile(values, 0.50), percentile(values, 0.99)) == (51, 100)


@pytest.mark.parametrize(
    ("ours", "memory", "waited", "holding"),
    [
        (3000, 199 * MEGABYTE, 1.9, ["holds"] * 3),
        (2999, 200 * MEGABYTE, 2.0, ["FAILS"] * 3),
    ],
)
def test_what_must_hold_is_judged_at_its_border(
    ours: float, memory: int, waited: float, holding: list[str]
) -> None:
    results = Results(
        drains={peers.WORKER: [drained(ours, memory)], peers.BULLMQ: [drained(1000)]},
        waits=[Waited(waited, waited)],
    )

    judged = verdicts(results)

    assert [verdict.word for verdict in judged] == holding


@pytest.mark.parametrize(
    ("late", "burst", "holding"), [(1.5, 10.0, ["holds"] * 2), (1.51, 10.01, ["FAILS"] * 2)]
)
def test_the_lag_of_schedules_is_judged_by_the_slower_worker_at_its_border(
    late: float, burst: float, holding: list[str]
) -> None:
    mostly_soon = (*[0.01] * 98, late, late)
    results = Results(fired=[Fired(paused=(0.01,) * 100, busy=mostly_soon, burst=burst)])

    said, judged = tables(results, None), verdicts(results)

    assert [verdict.word for verdict in judged] == holding
    assert f"worker busy: p50 0.010 s, p99 {late:.3f} s" in said


def test_rounds_that_disagree_prove_nothing() -> None:
    ours = [drained(rate) for rate in (5000, 5000, 2400)]
    bullmq = [drained(rate) for rate in (2000, 1000, 1000)]

    [compared, _] = verdicts(Results(drains={peers.WORKER: ours, peers.BULLMQ: bullmq}))

    assert (compared.found, compared.word) == ("2.50 x (2.40 to 5.00)", "unsure")


@pytest.mark.parametrize("ours", [2000, 6000])
def test_a_comparison_on_a_loaded_machine_proves_nothing_either_way(ours: float) -> None:
    drains = {peers.WORKER: [drained(ours)], peers.BULLMQ: [drained(1000, others=0.65)]}

    [compared, _] = verdicts(Results(drains=drains))

    assert compared.word == "unsure"
    assert "others took up to 65% of the machine" in str(compared)


@pytest.mark.parametrize(("hostile", "word"), [(19.9, "holds"), (20.0, "FAILS")])
def test_a_neighbour_of_hostile_code_may_take_less_than_twice_as_long(hostile: float, word: str) -> None:
    beside = Beside((10.0,) * 200, (10.0,) * 197 + (hostile,) * 3)

    [judged] = verdicts(Results(hostile=[beside]))

    assert judged.word == word
    assert "p50 10.0 ms, p99" in tables(Results(hostile=[beside]), None)


def test_what_others_took_of_the_machine_is_told() -> None:
    seconds = 2.0 * (os.cpu_count() or 1)
    samples = [
        Sample(0.0, (0.0, 0.0, 0.0), 0, 0.0),
        Sample(2.0, (0.25 * seconds, 0.0, 0.0), 0, 0.75 * seconds),
    ]

    assert others_share(samples) == pytest.approx(0.5)


def test_without_node_the_comparison_is_left_out_in_one_line() -> None:
    results = Results(drains={peers.WORKER: [drained(5000)]})

    said, judged = tables(results, "node and npm are not here"), verdicts(results)

    assert "BullMQ is left out: node and npm are not here" in said.splitlines()
    assert len(judged) == 1


@pytest.mark.parametrize(("beside", "word"), [(8.0, "holds"), (8.1, "FAILS")])
def test_what_streams_cost_is_judged_at_its_border(beside: float, word: str) -> None:
    results = Results(streamed=[Streamed((2.0, 4.0), (2.5, beside), 1_000)])

    said, [judged] = tables(results, None), verdicts(results)

    assert f"200 streams told of each: p50 2.5 ms, p99 {beside:.1f} ms" in said
    assert judged.word == word


def test_an_unknown_part_is_refused_with_the_list_of_parts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["drains"])

    assert "take some of drain, steps, latency, post, wait" in capsys.readouterr().err
