"""What SQL of a task may not do: kinds of statements, and places outside of what is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlt_lite.model.sql_deeds import Deed, Deeds
from dlt_lite.tasks.sql_rules import Places, ended_tables, objections


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "out").symlink_to("/etc")
    return Places(tmp_path, str(tmp_path / "storage" / "dev"))


def against(places, *deeds, reads=(), is_open=False):
    return list(objections(Deeds(deeds, tuple(reads), is_open), places))


@pytest.mark.parametrize(
    "deed",
    [
        Deed("CreateTableAsSelect", ("work", "t")),
        Deed("CreateTable", ("work", "t"), "storage/dev/elsewhere/t"),
        Deed("InsertIntoStatement", ("delta", "storage/dev/tables/work/t")),
        Deed("CreateTempViewUsing", None, "landing/a.csv"),
        Deed("SetCommand"),
        Deed("DescribeDeltaHistory", ("delta", "/else/where")),
        Deed("ShowTables"),
    ],
)
def test_what_stays_below_the_storage_root_or_within_the_session_is_allowed(places, deed):
    assert against(places, deed) == []


@pytest.mark.parametrize(
    "deed",
    [
        Deed("AddJarsCommand"),
        Deed("CreateFunction"),
        Deed("InsertIntoDir"),
        Deed("UnresolvedExecuteImmediate"),
        Deed("ScriptTransformation"),
        Deed("SetTableLocation", ("work", "t")),
        Deed("SomethingNew"),
    ],
)
def test_a_kind_that_is_not_on_the_list_is_refused(places, deed):
    [said] = against(places, deed)

    assert said == f"is of a kind that is not allowed ({deed.kind})"


@pytest.mark.parametrize(
    "place",
    ["/abs/x", "file:/abs/x", "file:///abs/x", "storage/dev/../../x", "out/x", "s3a://lake/x"],
)
def test_a_place_outside_of_the_storage_root_takes_no_data(places, place):
    assert against(places, Deed("CreateTable", ("work", "t"), place))
    assert against(places, Deed("InsertIntoStatement", ("delta", place)))


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        (("json", "landing/a.json"), True),
        (("shop", "orders"), True),
        (("json", "/etc/passwd"), False),
        (("text", "out/passwd"), False),
        (("delta", "s3a://lake/x"), False),
    ],
)
def test_files_are_read_from_the_project_and_the_storage_root(places, name, is_read):
    assert (not against(places, reads=[name])) is is_read


def test_an_object_store_is_below_itself_only():
    places = Places(Path("/project"), "s3a://lake/dev")

    assert places.may_write("S3A://lake/dev/tables/t")
    assert not places.may_write("s3a://lake/dev/../prod/t")
    assert not places.may_write("s3a://lake/development")


def test_a_schema_with_its_tables_and_a_name_that_nobody_knows_are_refused(places):
    assert against(places, Deed("DropNamespace", cascades=True))
    assert against(places, is_open=True)


def test_dropped_replaced_renamed_and_emptied_tables_are_those_that_end():
    deeds = (Deed("DropTable", ("a", "b")), Deed("InsertIntoStatement", ("c",)))

    assert ended_tables(Deeds(deeds, (), is_open=False)) == (("a", "b"),)
