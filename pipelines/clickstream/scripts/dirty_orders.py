"""The faulty orders."""

import csv
import io
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import count
from random import Random

from dirty_clicks import midnight, time_on, written_out
from faulty import Kind, Landing, Line, Rules

ORDER_RULES = Rules(
    bronze={"line_is_whole": "warn", "not_late": "warn", "file_is_dated": "fail"},
    silver={
        "known_platform": "warn",
        "known_user": "warn",
        "amount_is_sum_of_parts": "warn",
        "valid_order_id": "drop",
        "valid_user_id": "drop",
        "valid_order_time": "drop",
        "valid_amount": "drop",
        "not_from_the_future": "drop",
        "not_before_2020": "fail",
    },
)
NO_USER = ("valid_user_id", "known_user")
NO_TIME = ("valid_order_time", "not_from_the_future")
NO_AMOUNT = ("valid_amount", "amount_is_sum_of_parts")
LATE = ("not_late",)
PADDED = {"user_id": " 17 ", "amount": " 100.00", "flowers": "100.00 ", "platform": " iOS "}
NEGATIVE = {"amount": "-99.50", "flowers": "-99.50", "vase": "0.0", "chocolate": "0.0"}
TOO_MUCH = {"amount": "150.00", "flowers": "100.00", "vase": "30.00", "chocolate": "10.0"}

DIRTY_ORDERS = (
    Kind("good", 120),
    Kind("padded_with_blanks", 3, lambda _: PADDED | {"vase": "0.0", "chocolate": "0.0"}),
    Kind("null_order_id", 3, lambda _: {"order_id": None}, silver=("valid_order_id",)),
    Kind("null_user_id", 4, lambda _: {"user_id": None}, silver=NO_USER),
    Kind("null_order_time", 3, lambda _: {"order_time": None}, LATE, NO_TIME),
    Kind("null_amount", 3, lambda _: {"amount": None}, silver=NO_AMOUNT),
    Kind("bad_user_id", 4, lambda _: {"user_id": "abc"}, silver=NO_USER),
    Kind("bad_order_time", 4, lambda _: {"order_time": "yesterday"}, LATE, NO_TIME),
    Kind("bad_amount", 5, lambda _: {"amount": "12,50"}, silver=NO_AMOUNT),
    Kind(
        "broken_line",
        2,
        bronze=("line_is_whole", *LATE),
        silver=(*NO_TIME, *NO_AMOUNT, "known_platform"),
    ),
    Kind("negative_amount", 6, lambda _: NEGATIVE, silver=("valid_amount",)),
    Kind("parts_do_not_add_up", 5, lambda _: TOO_MUCH, silver=("amount_is_sum_of_parts",)),
    Kind("future", 4, lambda rng: {"order_time": time_on("2031-05-22", rng)}, (), NO_TIME[1:]),
    Kind(
        "late",
        6,
        lambda rng: {"order_time": time_on(f"2024-05-{rng.randrange(10, 21)}", rng)},
        LATE,
    ),
    Kind("unknown_user", 5, lambda rng: {"user_id": rng.randrange(1001, 2000)}, (), NO_USER[1:]),
    Kind("unknown_platform", 4, lambda _: {"platform": "web"}, silver=("known_platform",)),
    Kind("duplicate_in_file", 8, duplicate=True),
    Kind("duplicate_of_earlier_day", 10, bronze=LATE, duplicate=True),
)
FATAL_ORDERS = (
    Kind("good", 20),
    Kind(
        "before_2020",
        1,
        lambda _: {"order_time": "1970-01-01T00:00:00.000Z"},
        LATE,
        ("not_before_2020",),
    ),
)


class OrderMaker:
    """Makes the lines of one landing of orders."""

    def __init__(self, landing: Landing, clean: list[str]) -> None:
        self._day = landing.day
        self._ids = count(landing.first_id)
        self._clean = clean
        self._good: list[Line] = []

    def lines(self, kind: Kind, rng: Random) -> list[Line]:
        """Make all lines of a kind; good ones must come before their duplicates."""
        match kind.name:
            case "duplicate_in_file":
                return [
                    Line(like.text, like.id, kind) for like in rng.sample(self._good, kind.count)
                ]
            case "duplicate_of_earlier_day":
                return [Line(text, None, kind) for text in rng.sample(self._clean, kind.count)]
        orders = [self._order(rng) | dict(kind.spoil(rng)) for _ in range(kind.count)]
        made = [order_line(kind, order) for order in orders]
        if kind.name == "good":
            self._good = made
        return made

    def _order(self, rng: Random) -> dict[str, object]:
        """Make a good order whose parts add up to the cent."""
        flowers, vase, chocolate = (Decimal(rng.randrange(low, high)) / 100 for low, high in PRICES)
        moment = midnight(self._day) + timedelta(milliseconds=rng.randrange(86_400_000))
        return {
            "order_id": next(self._ids),
            "user_id": rng.randrange(1, 1001),
            "order_time": written_out(moment),
            "amount": flowers + vase + chocolate,
            "flowers": flowers,
            "vase": vase,
            "chocolate": chocolate,
            "delivery_id": rng.randrange(1, 1001),
            "platform": rng.choice(("Android", "Android", "Android", "iOS")),
        }


PRICES = ((5_000, 20_000), (0, 6_000), (0, 3_000))


def order_line(kind: Kind, order: Mapping[str, object]) -> Line:
    """Write an order as a line of CSV; a broken line is cut off after the user."""
    fields = ["" if value is None else str(value) for value in order.values()]
    kept = fields[:2] if kind.name == "broken_line" else fields
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(kept)
    order_id = order["order_id"]
    return Line(line.getvalue(), order_id if isinstance(order_id, int) else None, kind)
