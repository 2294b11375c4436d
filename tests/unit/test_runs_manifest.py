from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dlt_lite.errors import StateTooNew
from dlt_lite.runs.folder import RunFolder
from dlt_lite.runs.manifest import (
    ExpectationDefinition,
    Manifest,
    ManifestColumn,
    ManifestDataset,
    ManifestFlow,
    latest_manifest,
    read_manifest,
    with_versions,
    write_manifest,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ORDERS = ManifestDataset(
    "Orders",
    "shop.orders",
    "streaming_table",
    "file:/lake/shop/orders",
    4,
    ("raw",),
    ("/landing/ü",),
    (ManifestFlow("Orders", ("raw",)), ManifestFlow("late")),
    (ExpectationDefinition("positive", "drop", "amount > 0"),),
    ("gold", "daily"),
    "what was ordered",
    (ManifestColumn("id", "bigint"), ManifestColumn("items", "array")),
    "pipelines/shop/orders.py:12",
    streams_from=("crm.people",),
)
RAW = ManifestDataset("raw", "shop.raw", "temporary_view")
MANIFEST = Manifest("shop", "dev", "u1", "2026-11-24T12:00:00.000Z", (RAW, ORDERS))


def a_run(root, name="u1", *, pipeline="shop", target="dev"):
    return RunFolder.create(root, name, pipeline=pipeline, target=target, started=NOON)


def test_a_manifest_that_was_written_and_read_is_the_same(tmp_path):
    folder = a_run(tmp_path)

    write_manifest(folder, MANIFEST)

    assert read_manifest(folder.manifest) == MANIFEST


def test_the_latest_manifest_is_that_of_the_newest_run_that_has_one(tmp_path):
    for name in ("u1", "u2"):
        write_manifest(a_run(tmp_path, name), replace(MANIFEST, update_id=name))
    a_run(tmp_path, "u3")
    a_run(tmp_path, "u4").manifest.write_text('{"format": 1, "pipe')
    write_manifest(a_run(tmp_path, "u5", target="prod"), MANIFEST)
    write_manifest(a_run(tmp_path, "u6", pipeline="clicks"), MANIFEST)

    latest = latest_manifest(tmp_path, target="dev", pipeline="shop")

    assert latest is not None
    assert latest.update_id == "u2"


def test_where_nothing_was_resolved_there_is_no_manifest(tmp_path):
    assert latest_manifest(tmp_path, target="dev", pipeline="shop") is None


def test_a_manifest_of_a_newer_version_is_refused(tmp_path):
    folder = a_run(tmp_path)
    write_manifest(folder, MANIFEST)
    folder.manifest.write_text(json.dumps(json.loads(folder.manifest.read_text()) | {"format": 99}))

    with pytest.raises(StateTooNew):
        latest_manifest(tmp_path, target="dev", pipeline="shop")


def test_versions_are_put_into_the_datasets_that_are_named():
    newer = with_versions(MANIFEST, {"Orders": 7, "unknown": 1})

    assert [each.version for each in newer.datasets] == [None, 7]
