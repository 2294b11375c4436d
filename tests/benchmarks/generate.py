"""Make the benchmarks' inputs from a seed: rows out, as JSON lines and as a Delta table.

Two inputs. `write_landing` makes four sources of JSON lines for the medallion (clicks, orders,
users, products; a few thousandths of the rows are faulty, so that every rule has work).
`write_wide_source` makes the rules benchmark's table of ten columns in three stages, as Delta and
as JSON lines: two small ones, then the large one. Equal seeds make equal bytes. Knows no Spark.

    python -m tests.benchmarks.generate landing DIR [--rows 1000000]
    python -m tests.benchmarks.generate wide DIR [--rows 3000000]
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

SEED = 20260901
LANDING_ROWS = 1_000_000
WIDE_ROWS = 3_000_000
STAGE_ROWS = 1_000
INCREMENT_SOURCE = "clicks"
DAYS = 21

PAGES = ("home", "search", "product", "cart", "checkout", "account", "help")
DEVICES = ("phone", "tablet", "desktop")
COUNTRIES = ("DE", "FR", "IT", "ES", "NL", "PL", "SE", "US")
STATUSES = ("placed", "paid", "shipped", "returned")
CATEGORIES = tuple(f"category_{number:02d}" for number in range(24))


@dataclass(frozen=True, slots=True)
class Source:
    """One of the landing's sources.

    Attributes:
        name: the source's name and its folder's.
        share: its rows, of a hundred of all rows.
        files: how many files they come in.
        row: makes the JSON line of a row number.
    """

    name: str
    share: int
    files: int
    row: Callable[[random.Random, int, Sizes], str]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many users and products there are, so that the keys of the other sources meet them."""

    users: int
    products: int


def moment(rng: random.Random) -> str:
    """Return a second of the landing's days as ISO text."""
    second = rng.randrange(DAYS * 86_400)
    day, rest = divmod(second, 86_400)
    hour, rest = divmod(rest, 3_600)
    return f"2026-08-{day + 1:02d}T{hour:02d}:{rest // 60:02d}:{rest % 60:02d}Z"


def click(rng: random.Random, number: int, sizes: Sizes) -> str:
    """Return one click: 0.5 % without user, 0.4 % of an unknown device, 0.3 % of no duration."""
    user = "null" if rng.random() < 0.005 else str(rng.randrange(sizes.users))
    device = "toaster" if rng.random() < 0.004 else rng.choice(DEVICES)
    duration = -1 if rng.random() < 0.003 else rng.randrange(90_000)
    page = rng.choice(PAGES)
    page = page.upper() if rng.random() < 0.1 else page
    product = rng.randrange(sizes.products)
    return (
        f'{{"click_id":{number},"user_id":{user},"event_time":"{moment(rng)}","page":" {page} ",'
        f'"device":"{device}","product_id":{product},"duration_ms":{duration},'
        f'"referrer":"https://example.org/{rng.randrange(5_000)}"}}\n'
    )


def order(rng: random.Random, number: int, sizes: Sizes) -> str:
    """Return one order: 0.5 % of a negative price, 0.3 % without user, 0.4 % of unknown status."""
    price = rng.randrange(100, 50_000) / 100
    price = -price if rng.random() < 0.005 else price
    user = "null" if rng.random() < 0.003 else str(rng.randrange(sizes.users))
    status = "lost" if rng.random() < 0.004 else rng.choice(STATUSES)
    return (
        f'{{"order_id":{number},"user_id":{user},"product_id":{rng.randrange(sizes.products)},'
        f'"order_time":"{moment(rng)}","quantity":{rng.randrange(1, 9)},"unit_price":{price},'
        f'"status":"{status}"}}\n'
    )


def user(rng: random.Random, number: int, sizes: Sizes) -> str:  # noqa: ARG001 (rows share a signature)
    """Return one user."""
    return (
        f'{{"user_id":{number},"name":"user {number}","country":"{rng.choice(COUNTRIES)}",'
        f'"signed_up":"{moment(rng)}"}}\n'
    )


def product(rng: random.Random, number: int, sizes: Sizes) -> str:  # noqa: ARG001 (rows share a signature)
    """Return one product."""
    return (
        f'{{"product_id":{number},"title":"product {number}","category":"{rng.choice(CATEGORIES)}",'
        f'"list_price":{rng.randrange(100, 50_000) / 100}}}\n'
    )


SOURCES = (
    Source("clicks", 70, 8, click),
    Source("orders", 22, 4, order),
    Source("users", 6, 2, user),
    Source("products", 2, 2, product),
)


def write_landing(folder: Path, rows: int = LANDING_ROWS, seed: int = SEED) -> None:
    """Write `base/<source>/part-….json` for all sources and `increment/<source>/…` for one.

    The increment is one per cent of all rows and arrives in `INCREMENT_SOURCE` alone.
    """
    sizes = Sizes(users=max(1, rows * 6 // 100), products=max(1, rows * 2 // 100))
    for source in SOURCES:
        count = max(source.files, rows * source.share // 100)
        rng = random.Random(f"{seed}/{source.name}")  # noqa: S311 (no secret is made here)
        base = folder / "base" / source.name
        _write_lines(base, (source.row(rng, n, sizes) for n in range(count)), count, source.files)
    arriving = next(source for source in SOURCES if source.name == INCREMENT_SOURCE)
    first, count = rows, max(1, rows // 100)
    rng = random.Random(f"{seed}/increment")  # noqa: S311 (no secret is made here)
    lines = (arriving.row(rng, first + n, sizes) for n in range(count))
    _write_lines(folder / "increment" / arriving.name, lines, count, 1, name="increment")


def _write_lines(
    folder: Path, lines: Iterator[str], count: int, files: int, *, name: str = "part"
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        size = count * (number + 1) // files - count * number // files
        with (folder / f"{name}-{number:03d}.json").open("w", encoding="utf-8") as file:
            file.writelines(next(lines) for _ in range(size))


# The wide source's ten columns, as Delta's log names their types.
WIDE_COLUMNS = (
    ("id", "long"),
    ("customer", "long"),
    ("amount", "double"),
    ("quantity", "integer"),
    ("price", "double"),
    ("score", "double"),
    ("ts", "timestamp"),
    ("email", "string"),
    ("country", "string"),
    ("code", "string"),
)


def write_wide_source(folder: Path, rows: int = WIDE_ROWS, seed: int = SEED) -> None:
    """Write the rules benchmark's source in three stages, as `delta/` and as `json/`.

    `delta/data/*.parquet` holds all files, `delta/log/<stage>.json` the commit of each stage;
    `json/stage-<stage>/*.json` the same rows. Stages 0 and 1 have `STAGE_ROWS` rows each, stage 2
    has the rest.
    """
    (folder / "delta" / "data").mkdir(parents=True, exist_ok=True)
    (folder / "delta" / "log").mkdir(parents=True, exist_ok=True)
    start = 0
    for stage, sizes in enumerate(((STAGE_ROWS,), (STAGE_ROWS,), _quarters(rows))):
        adds: list[dict[str, object]] = []
        for part, size in enumerate(sizes):
            table = wide_rows(np.random.default_rng([seed, stage, part]), start, size)
            adds.append(_write_parquet(table, folder / "delta" / "data", f"s{stage}-{part}"))
            _write_json(table, folder / "json" / f"stage-{stage}" / f"s{stage}-{part}.json")
            start += size
        _write_commit(folder / "delta" / "log" / f"{stage}.json", adds, is_first=stage == 0)


def _quarters(rows: int) -> tuple[int, ...]:
    return tuple(rows * (part + 1) // 4 - rows * part // 4 for part in range(4))


def wide_rows(rng: np.random.Generator, start: int, size: int) -> Any:
    """Return rows of ten columns, each of which breaks its rule in 0.2 to 1 % of the rows."""

    def broken(share: float) -> np.ndarray:
        return rng.random(size) < share

    ids = np.arange(start, start + size, dtype=np.int64)
    customers = rng.integers(0, 100_000, size)
    names = np.char.add("customer", customers.astype(str))
    codes = np.char.add("C", np.char.zfill(rng.integers(0, 10_000_000, size).astype(str), 7))
    second = rng.integers(1_735_689_600, 1_767_225_600, size)  # the year 2025
    columns = [
        pa.array(ids, mask=broken(0.002)),
        pa.array(customers, mask=broken(0.005)),
        pa.array(np.where(broken(0.005), -1.0, np.round(rng.random(size) * 5_000, 2))),
        pa.array(np.where(broken(0.004), 0, rng.integers(1, 101, size)).astype(np.int32)),
        pa.array(np.where(broken(0.003), 99_999.0, np.round(rng.random(size) * 900 + 1, 2))),
        pa.array(np.where(broken(0.002), 1.5, np.round(rng.random(size), 4))),
        pa.array(np.where(broken(0.003), 0, second) * 1_000_000, pa.timestamp("us", tz="UTC")),
        pa.array(np.where(broken(0.01), names, np.char.add(names, "@example.org"))),
        pa.array(np.where(broken(0.005), "XX", rng.choice(np.array(COUNTRIES), size))),
        pa.array(np.where(broken(0.006), "C1", codes)),
    ]
    return pa.Table.from_arrays(columns, names=[name for name, _ in WIDE_COLUMNS])


def _write_parquet(table: Any, folder: Path, name: str) -> dict[str, object]:
    path = folder / f"{name}.parquet"
    pq.write_table(table, path, compression="snappy")
    return {
        "path": path.name,
        "partitionValues": {},
        "size": path.stat().st_size,
        "modificationTime": 1_767_225_600_000,
        "dataChange": True,
        "stats": json.dumps({"numRecords": table.num_rows}),
    }


def _write_json(table: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for batch in table.to_batches(max_chunksize=50_000):
            file.writelines(map(_json_line, *(column.to_pylist() for column in batch.columns)))


def _json_line(*values: object) -> str:
    named = zip((name for name, _ in WIDE_COLUMNS), values, strict=True)
    return json.dumps(dict(named), separators=(",", ":"), default=datetime.isoformat) + "\n"


def _write_commit(path: Path, adds: list[dict[str, object]], *, is_first: bool) -> None:
    actions: list[dict[str, object]] = []
    if is_first:
        fields = [
            {"name": name, "type": kind, "nullable": True, "metadata": {}}
            for name, kind in WIDE_COLUMNS
        ]
        actions.append({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
        actions.append(
            {
                "metaData": {
                    "id": "00000000-0000-4000-8000-000000000001",
                    "format": {"provider": "parquet", "options": {}},
                    "schemaString": json.dumps({"type": "struct", "fields": fields}),
                    "partitionColumns": [],
                    "configuration": {},
                    "createdTime": 1_767_225_600_000,
                }
            }
        )
    actions.extend({"add": add} for add in adds)
    path.write_text("".join(json.dumps(action) + "\n" for action in actions), encoding="utf-8")


def main() -> None:
    """Write the input that the command line names."""
    parser = argparse.ArgumentParser(description="Make a benchmark's input.")
    parser.add_argument("what", choices=("landing", "wide"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int)
    options = parser.parse_args()
    if options.what == "landing":
        write_landing(options.folder, options.rows or LANDING_ROWS)
    else:
        write_wide_source(options.folder, options.rows or WIDE_ROWS)


if __name__ == "__main__":
    main()
