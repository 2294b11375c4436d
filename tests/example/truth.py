"""The example's figures by plain Python: raw files in, what each table must hold out.

Knows neither Spark nor dlt_lite nor the pipelines' code: it says the same a second time, so that
two mistakes would have to agree. Give it the clean files, some days of them, or clean and dirty.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from pathlib import Path
from typing import Generic, TypeVar

LONGEST_SILENCE = timedelta(minutes=30)
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_2020 = datetime(2020, 1, 1, tzinfo=UTC)
PLATFORMS = {"Android", "iOS"}
EVENT_TYPES = {"install", "add_to_cart", "go_to_checkout"}
CLICK_FIELDS = ("event_id", "user_id", "event_time", "event_type", "platform", "campaign_id")
ORDER_FIELDS = (
    "order_id",
    "user_id",
    "order_time",
    "amount",
    "flowers",
    "vase",
    "chocolate",
    "delivery_id",
    "platform",
)

Raw = Mapping[str, str | None]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Delivered:
    """A line as it came: its fields as text, the line itself if it is broken, its file's day."""

    fields: Raw
    broken_line: str | None
    file_date: date | None


@dataclass(frozen=True, slots=True)
class Click:
    """A click of silver."""

    event_id: int | None
    user_id: int | None
    event_time: datetime | None
    event_type: str | None
    platform: str | None
    campaign_id: int | None
    from_future: bool | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order of silver."""

    order_id: int | None
    user_id: int | None
    order_time: datetime | None
    amount: Decimal | None
    flowers: Decimal | None
    vase: Decimal | None
    chocolate: Decimal | None
    delivery_id: int | None
    platform: str | None
    from_future: bool | None


@dataclass(frozen=True, slots=True)
class Session:
    """A row of sessions."""

    session_id: str
    user_id: int
    started_at: datetime
    ended_at: datetime
    clicks: int
    installs: int
    add_to_carts: int
    checkouts: int
    platform: str | None
    duration_seconds: Decimal


@dataclass(frozen=True, slots=True)
class FunnelDay:
    """A row of funnel_daily."""

    day: date
    sessions: int
    users: int
    with_cart: int
    with_checkout: int
    cart_rate: Decimal
    checkout_rate: Decimal


@dataclass(frozen=True, slots=True)
class RevenueDay:
    """A row of revenue_daily."""

    day: date
    orders: int
    users: int
    revenue: Decimal
    flowers: Decimal
    vase: Decimal
    chocolate: Decimal
    average_order: Decimal


@dataclass(frozen=True, slots=True)
class Rule(Generic[Row]):
    """An expectation: NULL, which is None here, counts as violated."""

    name: str
    action: str
    holds: Callable[[Row], bool | None]


@dataclass(frozen=True, slots=True)
class Judged(Generic[Row]):
    """A table after its rules.

    Attributes:
        offered: how many rows its query gave.
        rows: the rows that were written, if no `fail` rule was broken.
        passed: how many rows met each rule.
        failed: how many rows broke each rule.
        aside: how many rows broke a `quarantine` rule.
    """

    offered: int
    rows: tuple[Row, ...]
    passed: Mapping[str, int]
    failed: Mapping[str, int]
    aside: int

    @property
    def written(self) -> int:
        """How many rows were written."""
        return len(self.rows)

    @property
    def dropped(self) -> int:
        """How many rows broke a `drop` rule, and no `quarantine` rule."""
        return self.offered - len(self.rows) - self.aside


@dataclass(frozen=True, slots=True)
class ClickstreamTruth:
    """What the tables of pipeline clickstream must hold."""

    bronze_clicks: Judged[Delivered]
    silver_clicks: Judged[Click]
    sessions: tuple[Session, ...]
    funnel_daily: tuple[FunnelDay, ...]


@dataclass(frozen=True, slots=True)
class OrdersTruth:
    """What the tables of pipeline orders must hold."""

    bronze_orders: Judged[Delivered]
    silver_orders: Judged[Order]
    revenue_daily: tuple[RevenueDay, ...]


CLICK_RULES: tuple[Rule[Click], ...] = (
    Rule("known_platform", "warn", lambda c: c.platform in PLATFORMS),
    Rule("known_user", "warn", lambda c: is_known(c.user_id)),
    Rule("known_event_type", "warn", lambda c: c.event_type in EVENT_TYPES),
    Rule("valid_event_id", "drop", lambda c: c.event_id is not None),
    Rule("valid_user_id", "drop", lambda c: c.user_id is not None),
    Rule("valid_event_time", "drop", lambda c: c.event_time is not None),
    Rule("has_event_type", "drop", lambda c: c.event_type is not None),
    Rule("not_from_the_future", "quarantine", lambda c: c.from_future is False),
    Rule("not_before_2020", "fail", lambda c: not is_ancient(c.event_time)),
)
ORDER_RULES: tuple[Rule[Order], ...] = (
    Rule("known_platform", "warn", lambda o: o.platform in PLATFORMS),
    Rule("known_user", "warn", lambda o: is_known(o.user_id)),
    Rule("amount_is_sum_of_parts", "warn", lambda o: adds_up(o) is True),
    Rule("valid_order_id", "drop", lambda o: o.order_id is not None),
    Rule("valid_user_id", "drop", lambda o: o.user_id is not None),
    Rule("valid_order_time", "drop", lambda o: o.order_time is not None),
    Rule("valid_amount", "drop", lambda o: o.amount is not None and o.amount >= 0),
    Rule("not_from_the_future", "drop", lambda o: o.from_future is False),
    Rule("not_before_2020", "fail", lambda o: not is_ancient(o.order_time)),
)


def bronze_rules(time_field: str) -> tuple[Rule[Delivered], ...]:
    """Return the rules of a bronze table."""
    return (
        Rule("line_is_whole", "warn", lambda line: line.broken_line is None),
        Rule("not_late", "warn", lambda line: is_on_time(line, time_field)),
        Rule("file_is_dated", "fail", lambda line: line.file_date is not None),
    )


def clickstream(files: Iterable[Path]) -> ClickstreamTruth:
    """Compute every table of pipeline clickstream from JSON lines files."""
    lines = [line for path in files for line in delivered_json(path)]
    silver = judged(once_each(lines, click_of, "event_id"), CLICK_RULES)
    sessions = sessions_of(silver.rows)
    return ClickstreamTruth(
        bronze_clicks=judged(lines, bronze_rules("event_time")),
        silver_clicks=silver,
        sessions=sessions,
        funnel_daily=funnel_of(sessions),
    )


def orders(files: Iterable[Path]) -> OrdersTruth:
    """Compute every table of pipeline orders from CSV files."""
    lines = [line for path in files for line in delivered_csv(path)]
    silver = judged(once_each(lines, order_of, "order_id"), ORDER_RULES)
    return OrdersTruth(
        bronze_orders=judged(lines, bronze_rules("order_time")),
        silver_orders=silver,
        revenue_daily=revenue_of(silver.rows),
    )


def delivered_json(path: Path) -> list[Delivered]:
    """Read a file of JSON lines; a line that is no JSON has no fields."""
    return [json_line(line, day_of(path)) for line in path.read_text("utf-8").split("\n") if line]


def json_line(line: str, day: date | None) -> Delivered:
    """Read one line of JSON, every value as text."""
    try:
        values = json.loads(line, parse_float=str, parse_int=str)
    except json.JSONDecodeError:
        return Delivered(dict.fromkeys(CLICK_FIELDS), line, day)
    return Delivered({name: values.get(name) for name in CLICK_FIELDS}, None, day)


def delivered_csv(path: Path) -> list[Delivered]:
    """Read a CSV file with a header; a line of too few fields is broken, and lacks the others."""
    lines = path.read_text("utf-8").splitlines()[1:]
    return [csv_line(line, day_of(path)) for line in lines if line]


def csv_line(line: str, day: date | None) -> Delivered:
    """Read one line of CSV; an empty field is missing."""
    (values,) = csv.reader([line])
    whole = len(values) == len(ORDER_FIELDS)
    padded = [*values, *[""] * (len(ORDER_FIELDS) - len(values))]
    named = zip(ORDER_FIELDS, padded, strict=False)
    return Delivered({name: value or None for name, value in named}, None if whole else line, day)


def day_of(path: Path) -> date | None:
    """Return the day in a file's name."""
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2})\.(jsonl|csv)", path.name)
    return date.fromisoformat(found[1]) if found else None


def click_of(line: Delivered) -> Click:
    """Type a click; what does not fit its type is None."""
    raw = line.fields
    event_time = moment(raw["event_time"])
    return Click(
        event_id=whole_number(raw["event_id"]),
        user_id=whole_number(raw["user_id"]),
        event_time=event_time,
        event_type=text(raw["event_type"]),
        platform=text(raw["platform"]),
        campaign_id=whole_number(raw["campaign_id"]),
        from_future=is_from_future(event_time, line.file_date),
    )


def order_of(line: Delivered) -> Order:
    """Type an order; what does not fit its type is None."""
    raw = line.fields
    order_time = moment(raw["order_time"])
    return Order(
        order_id=whole_number(raw["order_id"]),
        user_id=whole_number(raw["user_id"]),
        order_time=order_time,
        amount=money(raw["amount"]),
        flowers=money(raw["flowers"]),
        vase=money(raw["vase"]),
        chocolate=money(raw["chocolate"]),
        delivery_id=whole_number(raw["delivery_id"]),
        platform=text(raw["platform"]),
        from_future=is_from_future(order_time, line.file_date),
    )


def text(raw: str | None) -> str | None:
    """Trim blanks; blank is missing."""
    return (raw or "").strip(" ") or None


def whole_number(raw: str | None) -> int | None:
    """Read a whole number."""
    trimmed = text(raw) or ""
    return int(trimmed) if re.fullmatch(r"[+-]?[0-9]{1,18}", trimmed) else None


def money(raw: str | None) -> Decimal | None:
    """Read an amount, rounded half up to cents."""
    trimmed = text(raw) or ""
    if not re.fullmatch(r"[+-]?[0-9]{1,8}(\.[0-9]*)?", trimmed):
        return None
    return Decimal(trimmed).quantize(Decimal("0.01"), ROUND_HALF_UP)


def moment(raw: str | None) -> datetime | None:
    """Read a time in milliseconds with an offset."""
    trimmed = text(raw) or ""
    form = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}(Z|[+-]\d{2}:\d{2})"
    return datetime.fromisoformat(trimmed) if re.fullmatch(form, trimmed) else None


def is_from_future(time: datetime | None, file_date: date | None) -> bool | None:
    """Say whether a time lies after the day of its file."""
    return None if time is None or file_date is None else time.astimezone(UTC).date() > file_date


def is_on_time(line: Delivered, time_field: str) -> bool | None:
    """Say whether a line was delivered in the file of its own day, or before."""
    written = (line.fields[time_field] or "")[:10]
    if line.file_date is None or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", written):
        return None
    return date.fromisoformat(written) >= line.file_date


def is_known(user_id: int | None) -> bool | None:
    """Say whether a user is one of the shop's thousand."""
    return None if user_id is None else 1 <= user_id <= 1000


def is_ancient(time: datetime | None) -> bool:
    """Say whether a time is known and before 2020."""
    return time is not None and time < YEAR_2020


def adds_up(order: Order) -> bool | None:
    """Say whether the amount is the sum of its parts, but for a cent."""
    parts = (order.flowers, order.vase, order.chocolate)
    known = [part for part in parts if part is not None]
    if order.amount is None or len(known) < len(parts):
        return None
    return abs(order.amount - sum(known)) <= Decimal("0.01")


def once_each(lines: Sequence[Delivered], typed: Callable[[Delivered], Row], key: str) -> list[Row]:
    """Keep one row a key; rows without a key are equal only if their whole line is.

    Raises:
        ValueError: if two rows of a key differ: the pipeline leaves open which of them is kept.
    """
    kept: dict[object, Row] = {}
    for line in lines:
        row = typed(line)
        identity = getattr(row, key)
        if identity is None:
            identity = (*line.fields.values(), line.broken_line)
        if kept.setdefault(identity, row) != row:
            raise ValueError(f"{key} {identity} was delivered with different contents")
    return list(kept.values())


def judged(rows: Sequence[Row], rules: Sequence[Rule[Row]]) -> Judged[Row]:
    """Count each rule over all rows, and leave out what breaks a `drop` or `quarantine` rule."""
    failed: Counter[str] = Counter()
    kept, aside = [], 0
    for row in rows:
        broken = [rule for rule in rules if rule.holds(row) is not True]
        failed.update(rule.name for rule in broken)
        actions = {rule.action for rule in broken}
        aside += "quarantine" in actions
        if not actions & {"drop", "quarantine"}:
            kept.append(row)
    return Judged(
        offered=len(rows),
        rows=tuple(kept),
        passed={rule.name: len(rows) - failed[rule.name] for rule in rules},
        failed={rule.name: failed[rule.name] for rule in rules},
        aside=aside,
    )


def sessions_of(clicks: Iterable[Click]) -> tuple[Session, ...]:
    """Cut each user's clicks where more than 30 minutes pass without one; by user and start."""
    by_user: dict[int, list[tuple[datetime, int, Click]]] = {}
    for click in clicks:
        match click:
            case Click(event_id=int(event_id), user_id=int(user), event_time=datetime() as time):
                by_user.setdefault(user, []).append((time, event_id, click))
            case _:
                raise ValueError(f"{click} should have been dropped")
    return tuple(
        session_of(user, part)
        for user, timed in sorted(by_user.items())
        for part in cut_at_silence(sorted(timed, key=lambda each: each[:2]))
    )


def cut_at_silence(
    timed: Sequence[tuple[datetime, int, Click]],
) -> list[list[tuple[datetime, int, Click]]]:
    """Cut a user's clicks, in order of time, into parts without a long silence."""
    parts = [[timed[0]]]
    for each in timed[1:]:
        if each[0] - parts[-1][-1][0] > LONGEST_SILENCE:
            parts.append([])
        parts[-1].append(each)
    return parts


def session_of(user: int, part: Sequence[tuple[datetime, int, Click]]) -> Session:
    """Sum a session up."""
    started, ended = part[0][0], part[-1][0]
    kinds = Counter(click.event_type for _, _, click in part)
    return Session(
        session_id=f"{user}-{(started - EPOCH) // MILLISECOND}",
        user_id=user,
        started_at=started,
        ended_at=ended,
        clicks=len(part),
        installs=kinds["install"],
        add_to_carts=kinds["add_to_cart"],
        checkouts=kinds["go_to_checkout"],
        platform=part[0][2].platform,
        duration_seconds=Decimal((ended - started) // MILLISECOND).scaleb(-3),
    )


def funnel_of(sessions: Iterable[Session]) -> tuple[FunnelDay, ...]:
    """Count the sessions of each day, a session belonging to the day (UTC) it starts on."""
    in_order = sorted(sessions, key=lambda session: session.started_at)
    days = groupby(in_order, key=lambda session: session.started_at.astimezone(UTC).date())
    return tuple(funnel_day(day, list(of_day)) for day, of_day in days)


def funnel_day(day: date, sessions: Sequence[Session]) -> FunnelDay:
    """Sum one day's sessions up."""
    with_cart = sum(session.add_to_carts > 0 for session in sessions)
    with_checkout = sum(session.checkouts > 0 for session in sessions)
    return FunnelDay(
        day=day,
        sessions=len(sessions),
        users=len({session.user_id for session in sessions}),
        with_cart=with_cart,
        with_checkout=with_checkout,
        cart_rate=rounded(Decimal(with_cart) / len(sessions), "0.0001"),
        checkout_rate=rounded(Decimal(with_checkout) / len(sessions), "0.0001"),
    )


def revenue_of(orders: Iterable[Order]) -> tuple[RevenueDay, ...]:
    """Sum up the orders of each day (UTC)."""
    by_day: dict[date, list[Order]] = {}
    for order in orders:
        if order.order_time is None:
            raise ValueError(f"{order} should have been dropped")
        by_day.setdefault(order.order_time.astimezone(UTC).date(), []).append(order)
    return tuple(revenue_day(day, of_day) for day, of_day in sorted(by_day.items()))


def revenue_day(day: date, orders: Sequence[Order]) -> RevenueDay:
    """Sum one day's orders up; a missing part counts as nothing."""
    revenue = total(order.amount for order in orders)
    return RevenueDay(
        day=day,
        orders=len(orders),
        users=len({order.user_id for order in orders}),
        revenue=revenue,
        flowers=total(order.flowers for order in orders),
        vase=total(order.vase for order in orders),
        chocolate=total(order.chocolate for order in orders),
        average_order=rounded(revenue / len(orders), "0.01"),
    )


def total(amounts: Iterable[Decimal | None]) -> Decimal:
    """Add amounts up."""
    return sum((amount for amount in amounts if amount is not None), Decimal("0.00"))


def rounded(value: Decimal, unit: str) -> Decimal:
    """Round half up, as Spark's decimals do."""
    return value.quantize(Decimal(unit), ROUND_HALF_UP)


def as_tuple(row: object) -> tuple[object, ...]:
    """Return a record's values in the order of its table's columns."""
    return tuple(getattr(row, field.name) for field in fields(row))  # type: ignore[arg-type]
