"""gateway.accounting.cost: whole nano-USD by dated and tiered prices; what cannot be known is
None."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounting.cost import cost_of_usage, expected_cost
from gateway.config import Model, Price, PriceTier
from translators.capabilities import ModelRecord

DAY = date(2026, 12, 1)


def price(
    input: str, output: str, *, day: date = DAY, tiers: tuple[PriceTier, ...] = (), **more: str
) -> Price:
    rates = {name: Decimal(rate) for name, rate in more.items()}
    return Price(valid_from=day, input=Decimal(input), output=Decimal(output), tiers=tiers, **rates)


def tier(above: int, input: str, output: str, **more: str) -> PriceTier:
    rates = {name: Decimal(rate) for name, rate in more.items()}
    return PriceTier(
        above_prompt_tokens=above, input=Decimal(input), output=Decimal(output), **rates
    )


def model(*prices: Price, **more: Any) -> Model:
    return Model(
        id="m",
        record=ModelRecord(context_window=1000, max_output_tokens=100),
        cost_tier="low",
        prices=prices,
        **more,
    )


CLAUDE_PRICES = (price("2", "10", cached_input="0.2", cache_write="2.5", cache_write_1h="4"),)
CLAUDE = model(
    *CLAUDE_PRICES,
    fees={"server_tool_use.web_search_requests": Decimal(10)},
    surcharges={"inference_geo": {"us": Decimal("1.1")}},
)
GEMINI = model(
    price(
        "1.25",
        "10",
        cached_input="0.125",
        audio_input="1.5",
        tiers=(tier(200_000, "2.5", "15", cached_input="0.25"),),
    ),
)
PLAIN = model(price("0.0003", "0.025"))


def usage(
    prompt: int, completion: int, more: dict[str, Any] | None = None, **details: int
) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": details,
        **(more or {}),
    }


@pytest.mark.parametrize(
    ("of", "counted", "nano_usd"),
    [
        # 1000 x 2 + 100 x 10 = 3000 millionths of a USD
        (CLAUDE, usage(1000, 100), 3_000_000),
        # 100 x 2 + 700 x 0.2 + 200 x 2.5 + 50 x 10 = 1340
        (CLAUDE, usage(1000, 50, cached_tokens=700, cache_write_tokens=200), 1_340_000),
        # 100 x 2 + 700 x 0.2 + 150 x 2.5 + 50 x 4 + 50 x 10 = 1415
        (
            CLAUDE,
            usage(
                1000,
                50,
                {"cache_creation": {"ephemeral_1h_input_tokens": 50}},
                cached_tokens=700,
                cache_write_tokens=200,
            ),
            1_415_000,
        ),
        # reasoning is within the completion: 10 x 2 + 100 x 10
        (
            CLAUDE,
            usage(10, 100, {"completion_tokens_details": {"reasoning_tokens": 90}}),
            1_020_000,
        ),
        # 3000 and two searches at a cent
        (CLAUDE, usage(1000, 100, {"server_tool_use": {"web_search_requests": 2}}), 23_000_000),
        # 3000 x 1.1
        (CLAUDE, usage(1000, 100, {"inference_geo": "us"}), 3_300_000),
        (CLAUDE, usage(1000, 100, {"inference_geo": "global"}), 3_000_000),
        # at the bound: 200,000 x 1.25 + 1000 x 10 = 260,000
        (GEMINI, usage(200_000, 1000), 260_000_000),
        # above it, all of it: 100,001 x 2.5 + 100,000 x 0.25 + 1000 x 15 = 290,002.5
        (GEMINI, usage(200_001, 1000, cached_tokens=100_000), 290_002_500),
        # 600 x 1.25 + 400 x 1.5 + 10 x 10 = 1450
        (GEMINI, usage(1000, 10, audio_tokens=400), 1_450_000),
        # audio that was cached: 100 fresh at most
        (GEMINI, usage(1000, 0, audio_tokens=400, cached_tokens=900), 262_500),
        # no rate of its own for the cache: 1000 x 0.0003 + 1 x 0.025 = 0.325
        (PLAIN, usage(1000, 1, cached_tokens=500, cache_write_tokens=500), 325),
        # 0.3 and 0.9 nano-USD, rounded once; half is up
        (PLAIN, usage(1, 0), 0),
        (PLAIN, usage(3, 0), 1),
        (model(price("0.0005", "1")), usage(1, 0), 1),
        (CLAUDE, usage(0, 0), 0),
        # a provider that counts more cached than read
        (CLAUDE, usage(10, 0, cached_tokens=50, cache_write_tokens=50), 2_000),
    ],
)
def test_by_hand(of: Model, counted: dict[str, Any], nano_usd: int) -> None:
    assert cost_of_usage(of, counted, DAY) == nano_usd


@pytest.mark.parametrize(
    ("of", "counted"),
    [
        (model(), usage(1, 1)),
        (model(price("1", "1", day=DAY + timedelta(1))), usage(1, 1)),
        (CLAUDE, None),
        (CLAUDE, {}),
        (CLAUDE, {"prompt_tokens": 5}),
        (CLAUDE, {"prompt_tokens": 5, "completion_tokens": "7"}),
        (CLAUDE, usage(-1, 5)),
        (CLAUDE, usage(10, 5, audio_tokens=3)),
        (GEMINI, usage(10, 5, {"completion_tokens_details": {"audio_tokens": 5}})),
    ],
    ids=[
        "no price",
        "no price yet",
        "nothing",
        "empty",
        "no completion",
        "text",
        "negative",
        "audio in",
        "audio out",
    ],
)
def test_what_cannot_be_known_is_none(of: Model, counted: Any) -> None:
    assert cost_of_usage(of, counted, DAY) is None


def test_other_service_tiers_have_other_prices() -> None:
    assert cost_of_usage(CLAUDE, usage(1000, 100), DAY, "default") == 3_000_000
    for name in ("flex", "priority", "fast", "scale", "batch", "new"):
        assert cost_of_usage(CLAUDE, usage(1000, 100), DAY, name) is None


def test_the_price_of_the_day() -> None:
    dated = model(price("1", "1", day=DAY), price("3", "1", day=DAY + timedelta(10)))
    costs = [
        expected_cost(dated, 1000, 0.0, 0, DAY + timedelta(days)) for days in (-1, 0, 9, 10, 500)
    ]
    assert costs == [None, 1_000_000, 1_000_000, 3_000_000, 3_000_000]
    assert [
        cost_of_usage(dated, usage(1000, 0), DAY + timedelta(days)) for days in (-1, 0, 9, 10, 500)
    ] == costs


def test_expected() -> None:
    # 700 x 2 + 300 x 0.2 + 50 x 10
    assert expected_cost(CLAUDE, 1000, 0.3, 50, DAY) == 1_960_000
    # the whole prompt decides the tier, cached or not
    assert expected_cost(GEMINI, 400_000, 1.0, 0, DAY) == 100_000_000
    assert expected_cost(PLAIN, 1000, 0.5, 0, DAY) == 300
    assert expected_cost(model(), 1000, 0.0, 50, DAY) is None


TOKENS = st.integers(0, 2_000_000)
SHARE = st.floats(0, 1)
RATE = st.decimals(0, 100, places=4)


@given(TOKENS, TOKENS, TOKENS, SHARE, st.sampled_from([CLAUDE, GEMINI, PLAIN]))
def test_more_tokens_never_cost_less(
    prompt: int, output: int, more: int, share: float, of: Model
) -> None:
    cost = expected_cost(of, prompt, share, output, DAY)
    for dearer in (
        expected_cost(of, prompt, share, output + more, DAY),
        expected_cost(of, prompt + more, share, output, DAY),
    ):
        assert cost is not None
        assert dearer is not None
        assert 0 <= cost <= dearer


@given(TOKENS, TOKENS, SHARE, SHARE)
def test_a_larger_cached_share_never_costs_more(
    prompt: int, output: int, share: float, other: float
) -> None:
    least, most = sorted([share, other])
    cheap, dear = (
        expected_cost(GEMINI, prompt, most, output, DAY),
        expected_cost(GEMINI, prompt, least, output, DAY),
    )
    assert cheap is not None
    assert dear is not None
    assert cheap <= dear


@given(TOKENS, TOKENS, RATE, RATE)
def test_what_is_expected_is_what_the_same_usage_costs(
    prompt: int, output: int, input_rate: Decimal, output_rate: Decimal
) -> None:
    of = model(price(str(input_rate), str(output_rate)))
    assert expected_cost(of, prompt, 0.0, output, DAY) == cost_of_usage(
        of, usage(prompt, output), DAY
    )
