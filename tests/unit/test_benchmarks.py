"""What the benchmark reckons from what it measured."""

import os

import pytest

from benchmarks import peers
from benchmarks.__main__ import main
from benchmarks.drain import Drained, others_share, steady_cpu, steady_rate
from benchmarks.percentiles import percentile
from benchmarks.processes import Broken, Sample
from benchmarks.report import Results, tables, verdicts
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


def test_an_unknown_part_is_refused_with_the_list_of_parts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["drains"])

    assert "take some of drain, steps, latency, post, wait" in capsys.readouterr().err
