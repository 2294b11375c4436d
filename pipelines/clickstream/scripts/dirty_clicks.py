"""The faulty clicks."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from random import Random

from faulty import Kind, Landing, Line, Rules

CLICK_RULES = Rules(
    bronze={"line_is_whole": "warn", "not_late": "warn", "file_is_dated": "fail"},
    silver={
        "known_platform": "warn",
        "known_user": "warn",
        "known_event_type": "warn",
        "valid_event_id": "drop",
        "valid_user_id": "drop",
        "valid_event_time": "drop",
        "has_event_type": "drop",
        "not_from_the_future": "quarantine",
        "not_before_2020": "fail",
    },
)
NO_USER = ("valid_user_id", "known_user")
NO_TIME = ("valid_event_time", "not_from_the_future")
NO_TYPE = ("has_event_type", "known_event_type")
NOTHING = (*NO_USER, *NO_TIME, *NO_TYPE, "valid_event_id", "known_platform")
LATE = ("not_late",)
PADDED = {"user_id": " 17 ", "event_type": " add_to_cart", "platform": "iOS "}

# What sessions turn on: a silence of exactly 30 minutes, one of a millisecond more, midnight, and
# two clicks of one user in the same millisecond.
EDGES = (
    {"user_id": 901, "event_time": "2024-05-22T10:00:00.000Z"},
    {"user_id": 901, "event_time": "2024-05-22T10:30:00.000Z"},
    {"user_id": 902, "event_time": "2024-05-22T10:00:00.000Z"},
    {"user_id": 902, "event_time": "2024-05-22T10:30:00.001Z"},
    {"user_id": 903, "event_time": "2024-05-22T00:10:00.000Z"},
    {"user_id": 904, "event_time": "2024-05-22T12:00:00.000Z", "platform": "iOS"},
    {"user_id": 904, "event_time": "2024-05-22T12:00:00.000Z", "platform": "Android"},
)
BEFORE_MIDNIGHT = ({"user_id": 903, "event_time": "2024-05-21T23:50:00.000Z"},)

DIRTY_CLICKS = (
    Kind("good", 300),
    Kind("good_at_an_edge", len(EDGES)),
    Kind("padded_with_blanks", 4, lambda _: PADDED),
    Kind("null_event_id", 6, lambda _: {"event_id": None}, silver=("valid_event_id",)),
    Kind("null_user_id", 8, lambda _: {"user_id": None}, silver=NO_USER),
    Kind("null_event_time", 7, lambda _: {"event_time": None}, LATE, NO_TIME),
    Kind("null_event_type", 5, lambda _: {"event_type": None}, silver=NO_TYPE),
    Kind("bad_user_id", 6, lambda _: {"user_id": "abc"}, silver=NO_USER),
    Kind("bad_event_time", 5, lambda _: {"event_time": "yesterday"}, LATE, NO_TIME),
    Kind("broken_line", 3, bronze=("line_is_whole", *LATE), silver=NOTHING),
    Kind("future", 9, lambda rng: {"event_time": time_on("2031-05-22", rng)}, (), NO_TIME[1:]),
    Kind(
        "future_of_nobody",
        2,
        lambda rng: {"event_time": time_on("2031-05-22", rng), "user_id": None},
        silver=("not_from_the_future", *NO_USER),
    ),
    Kind(
        "late",
        15,
        lambda rng: {"event_time": time_on(f"2024-05-{rng.randrange(10, 21)}", rng)},
        LATE,
    ),
    Kind("late_before_midnight", len(BEFORE_MIDNIGHT), bronze=LATE),
    Kind("late_between_two_sessions", 3, bronze=LATE),
    Kind("unknown_user", 7, lambda rng: {"user_id": rng.randrange(1001, 2000)}, (), NO_USER[1:]),
    Kind("unknown_event_type", 6, lambda _: {"event_type": "share"}, silver=NO_TYPE[1:]),
    Kind("unknown_platform", 5, lambda _: {"platform": "web"}, silver=("known_platform",)),
    Kind("duplicate_in_file", 20, duplicate=True),
    Kind("duplicate_of_earlier_day", 25, bronze=LATE, duplicate=True),
)
FATAL_CLICKS = (
    Kind("good", 40),
    Kind(
        "before_2020",
        1,
        lambda _: {"event_time": "1970-01-01T00:00:00.000Z"},
        LATE,
        ("not_before_2020",),
    ),
)


class ClickMaker:
    """Makes the lines of one landing of clicks."""

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
            case "good_at_an_edge":
                return [self._line(kind, self._click(rng) | edge) for edge in EDGES]
            case "late_before_midnight":
                return [self._line(kind, self._click(rng) | late) for late in BEFORE_MIDNIGHT]
            case "late_between_two_sessions":
                between = between_two_sessions(self._clean)[: kind.count]
                return [self._line(kind, self._click(rng) | late) for late in between]
        clicks = [self._click(rng) | dict(kind.spoil(rng)) for _ in range(kind.count)]
        made = [self._line(kind, click) for click in clicks]
        if kind.name == "good":
            self._good = made
        return made

    def _click(self, rng: Random) -> dict[str, object]:
        """Make a good click; a user's clicks lie within two hours, so that they make sessions."""
        user = rng.randrange(1, 61)
        since_midnight = timedelta(hours=user % 22, milliseconds=rng.randrange(2 * 3_600_000))
        event_type = rng.choice(("install", "add_to_cart", "add_to_cart", "go_to_checkout"))
        return {
            "event_id": next(self._ids),
            "user_id": user,
            "event_time": written_out(midnight(self._day) + since_midnight),
            "event_type": event_type,
            "platform": rng.choice(("Android", "Android", "Android", "iOS")),
            "campaign_id": rng.randrange(20) if event_type == "install" else None,
        }

    def _line(self, kind: Kind, click: Mapping[str, object]) -> Line:
        text = json.dumps(click, separators=(",", ":"))
        event_id = click["event_id"]
        if kind.name == "broken_line":
            text, event_id = text[:45], None
        return Line(text, event_id if isinstance(event_id, int) else None, kind)


def between_two_sessions(clean: list[str]) -> list[dict[str, object]]:
    """Find silences that cut two sessions, with a moment in each that joins them again."""
    by_user: dict[int, list[datetime]] = {}
    for click in map(json.loads, clean):
        by_user.setdefault(click["user_id"], []).append(datetime.fromisoformat(click["event_time"]))
    return [
        {"user_id": user, "event_time": written_out(before + (after - before) / 2)}
        for user, times in sorted(by_user.items())
        for before, after in pairwise(times)
        if timedelta(minutes=31) < after - before < timedelta(minutes=59)
    ]


def time_on(day: str, rng: Random) -> str:
    """Choose a moment of a day."""
    return written_out(midnight(day) + timedelta(milliseconds=rng.randrange(86_400_000)))


def midnight(day: str) -> datetime:
    """Return the first moment of a day in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def written_out(moment: datetime) -> str:
    """Write a moment as the clean files do."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
