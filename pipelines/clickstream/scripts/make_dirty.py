"""Write the dirty and the fatal landing of both pipelines: rows with faults of known number.

    python pipelines/clickstream/scripts/make_dirty.py pipelines

The argument is a folder that is laid out as `pipelines/` is. The same bytes come out every time.
Beside each landing, `faults.json` says what is wrong with how many of its rows, and what each rule
must say when the landing is read after all of the clean one.
"""

import argparse
import json
from pathlib import Path
from textwrap import indent

from dirty_clicks import CLICK_RULES, DIRTY_CLICKS, FATAL_CLICKS, ClickMaker
from dirty_orders import DIRTY_ORDERS, FATAL_ORDERS, ORDER_RULES, OrderMaker
from faulty import Landing, Line, composed

PIPELINES = Path(__file__).resolve().parents[2]
CLICK_LANDINGS = (
    Landing("dirty/2024-05-22.jsonl", first_id=30_001, kinds=DIRTY_CLICKS, rules=CLICK_RULES),
    Landing("fatal/2024-05-23.jsonl", first_id=40_001, kinds=FATAL_CLICKS, rules=CLICK_RULES),
)
ORDER_LANDINGS = (
    Landing("dirty/2024-05-22.csv", first_id=50_001, kinds=DIRTY_ORDERS, rules=ORDER_RULES),
    Landing("fatal/2024-05-23.csv", first_id=60_001, kinds=FATAL_ORDERS, rules=ORDER_RULES),
)


def main() -> None:
    """Write both landings of both pipelines below the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Write the dirty and the fatal landings.")
    parser.add_argument("out", type=Path, help="a folder laid out as pipelines/ is")
    out = parser.parse_args().out
    clicks = clean_lines("clickstream", header_lines=0)
    orders = clean_lines("orders", header_lines=1)
    for landing in CLICK_LANDINGS:
        lines = composed(landing, ClickMaker(landing, clicks))
        written(out / "clickstream/landing", landing, lines)
    for landing in ORDER_LANDINGS:
        lines = composed(landing, OrderMaker(landing, orders))
        written(out / "orders/landing", landing, lines)


def clean_lines(pipeline: str, *, header_lines: int) -> list[str]:
    """Read the clean files of a pipeline, oldest first."""
    folder = PIPELINES / pipeline / "landing/clean"
    files = sorted(path for path in folder.iterdir() if path.suffix in {".jsonl", ".csv"})
    return [line for path in files for line in path.read_text("utf-8").splitlines()[header_lines:]]


def written(folder: Path, landing: Landing, lines: list[Line]) -> None:
    """Write one landing and what is known about it."""
    path = folder / landing.file
    path.parent.mkdir(parents=True, exist_ok=True)
    text = landing.ending.join([*landing.header, *(line.text for line in lines), ""])
    path.write_bytes(text.encode("utf-8"))
    (path.parent / "faults.json").write_bytes(readable(landing.told(lines)).encode("utf-8"))


def readable(known: dict[str, object]) -> str:
    """Write JSON indented, but each list on one line."""
    entries = (
        f"{json.dumps(key)}: {json.dumps(value, indent=None if isinstance(value, list) else 2)}"
        for key, value in known.items()
    )
    return "{\n" + indent(",\n".join(entries), "  ") + "\n}\n"


if __name__ == "__main__":
    main()
