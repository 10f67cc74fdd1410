"""What the metrics of limits tell."""

from gateway.admission.counters import Applied, CounterPool
from gateway.admission.metrics import LimitMetrics, Standing
from gateway.config.limits import Limit


def test_a_window_that_is_over_is_told_no_more() -> None:
    """Else an alert on a budget would stand until the next request of the next window."""
    pool, moment = CounterPool(lambda scope, name: 0), [86_400.0]
    metrics = LimitMetrics(pool, lambda: Standing(True, 0, 0.0), lambda: moment[0])

    def told() -> list[tuple[dict[str, str], float]]:
        (ratio,) = [each for each in metrics.collect() if each.name.endswith("used_ratio")]
        return [(sample.labels, sample.value) for sample in ratio.samples]

    limit = Limit(on="requests", per="day", amount=4)
    (counter,) = pool.of([Applied(limit, "all", False)], "", moment[0])
    counter.spent = 3
    assert told() == [({"scope": "all", "limit": "requests/day"}, 0.75)]
    moment[0] += 86_400
    assert told() == []
