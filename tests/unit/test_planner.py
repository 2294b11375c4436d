"""Planning: made-up graphs and situations in, steps with their reasons out."""

import json
from dataclasses import replace

import pytest

from dlt_lite import errors
from dlt_lite.errors import BadSelection, DltLiteError, ErrorGroup
from dlt_lite.graph.graph import Read, ResolvedDataset, ResolvedFlow, ResolvedGraph
from dlt_lite.model.datasets import Dataset, DatasetKind, DeclaredAs, Flow, TableOptions
from dlt_lite.model.names import DatasetName, Namespace
from dlt_lite.model.origin import Origin
from dlt_lite.model.schema import schema_from_json
from dlt_lite.model.state import CommitRecord, FlowSituation, Situation, TableState
from dlt_lite.plan.planner import Request, make_plan
from dlt_lite.plan.steps import (
    Action,
    AppendStreams,
    ExcludeDataset,
    InlineView,
    ReplaceTable,
    SkipDataset,
    action_of,
)
from dlt_lite.plan.warnings import lost_rows, streams_left_behind

SHOP = Namespace("shop")
STREAM, VIEW = DatasetKind.STREAMING_TABLE, DatasetKind.MATERIALIZED_VIEW
INLINE = DatasetKind.TEMPORARY_VIEW
DECLARED = {
    STREAM: DeclaredAs.STREAMING_TABLE,
    VIEW: DeclaredAs.MATERIALIZED_VIEW,
    INLINE: DeclaredAs.TEMPORARY_VIEW,
}
HERE = Origin("pipelines/shop/tables.py", 7)
DAMAGE = errors.StateDamaged("/ck/offsets/0 is damaged", path="/ck/offsets/0", fix="put it back")
TROUBLE = errors.StateDamaged(
    "/log/1.json is damaged", path="/log/1.json", origin=HERE, fix="put it back"
)
QUIET = FlowSituation(started=True, committed=True, owner_id="t1")


def name(word):
    return DatasetName("shop", word)


def a_schema(**columns):
    fields = [{"name": key, "type": kind, "nullable": True} for key, kind in columns.items()]
    return schema_from_json(json.dumps({"type": "struct", "fields": fields}))


IDS = a_schema(id="long")


def reads(*words):
    """Return reads; a star marks a stream, a slash a path outside."""
    return tuple(
        Read(None, word, streaming=False, external=True)
        if word.startswith("/")
        else Read(name(word.strip("*")), None, streaming=word.endswith("*"), external=False)
        for word in words
    )


def a_flow(target, *inputs, flow=None, definition="d1", changing=(), schema=IDS):
    declaration = Flow(
        flow or target, name(target), lambda: None, False, flow is not None, {}, None, HERE
    )
    streaming = any(word.endswith("*") for word in inputs)
    return ResolvedFlow(declaration, streaming, schema, reads(*inputs), definition, changing, False)


def a_dataset(word, kind, *flows, **options):
    declaration = Dataset(name(word), word, DECLARED[kind], TableOptions(**options), (), HERE)
    schema = flows[0].schema if flows else IDS
    return ResolvedDataset(declaration, kind, schema, flows or (a_flow(word),))


def a_graph(*datasets):
    return ResolvedGraph(SHOP, {each.dataset.name: each for each in datasets})


def a_table(kind=VIEW, **changes):
    record = CommitRecord("replace", "shop", "shop.x", "u1", definition="d1")
    state = TableState(
        path="/tables/x",
        version=3,
        table_id="t1",
        schema=IDS,
        partition_cols=(),
        clustering=(),
        properties={},
        comment=None,
        owner="shop",
        kind=kind.value,
        transactions={},
        last=record,
        last_version=3,
        touched=(),
        overwritten=False,
        counted=True,
    )
    return replace(state, **changes)


def view_there(*changes, **table):
    return Situation(a_table(**table), changes, inputs={"orders": 4})


def stream_there(flow="orders", *, situation=QUIET, **table):
    return Situation(a_table(STREAM, **table), flows={flow: situation})


def planned(graph, situations, **request):
    by_name = {name(word): situation for word, situation in situations.items()}
    plan = make_plan("shop", graph, by_name, Request(**request))
    return {step.dataset.table: step for step in plan.steps}


def refused(graph, situations, **request) -> tuple[DltLiteError, ...]:
    with pytest.raises(DltLiteError) as caught:
        planned(graph, situations, **request)
    error = caught.value
    return error.errors if isinstance(error, ErrorGroup) else (error,)


def some(*words):
    return frozenset(map(name, words))


SUMS = a_dataset("sums", VIEW, a_flow("sums"))
NOTHING = Situation(None)


@pytest.mark.parametrize(
    ("situation", "action", "reason"),
    [
        (NOTHING, Action.CREATE, "the table does not exist"),
        (view_there(), Action.SKIP, "nothing that it reads has changed"),
        (view_there("orders went from 3 to 4"), Action.REPLACE, "orders went from 3 to 4"),
        (view_there("a is new", "b is gone"), Action.REPLACE, "a is new; b is gone"),
        (view_there(last=None), Action.REPLACE, "its last refresh left no record"),
        (view_there(counted=False), Action.REPLACE, "its last refresh ended before its counts"),
        (
            view_there(touched=("version 4 is a DELETE of somebody else",)),
            Action.REPLACE,
            "version 4 is a DELETE of somebody else",
        ),
        (
            view_there(last=CommitRecord("replace", "shop", "shop.sums", "u1", definition="d0")),
            Action.REPLACE,
            "its definition changed",
        ),
    ],
)
def test_a_view_is_replaced_only_for_a_reason(situation, action, reason):
    step = planned(a_graph(SUMS), {"sums": situation})["sums"]

    assert (action_of(step), step.reason.startswith(reason)) == (action, True), step.reason
    assert step.inputs == situation.inputs


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (a_dataset("sums", VIEW, a_flow("sums", changing=("it uses Now", "b"))), "it uses Now; b"),
        (a_dataset("sums", VIEW, refresh_policy="full"), "its refresh_policy is full"),
    ],
)
def test_a_view_that_may_answer_otherwise_is_replaced_each_time(dataset, reason):
    step = planned(a_graph(dataset), {"sums": view_there()})["sums"]

    assert (action_of(step), step.reason, step.when) == (Action.REPLACE, reason, ())


CHAIN = a_graph(
    a_dataset("orders", STREAM, a_flow("orders", "/landing")),
    a_dataset("recent", INLINE, a_flow("recent", "orders")),
    a_dataset("sums", VIEW, a_flow("sums", "recent")),
    a_dataset("best", VIEW, a_flow("best", "sums")),
    a_dataset("copy", STREAM, a_flow("copy", "orders*")),
)
THERE = {
    "orders": stream_there(),
    "sums": view_there(),
    "best": view_there(),
    "copy": stream_there("copy"),
}
NEWS = replace(QUIET, news=("2 new files",))


def test_nothing_new_is_nothing_done():
    steps = planned(CHAIN, THERE)

    assert {word: action_of(step) for word, step in steps.items()} == {
        "orders": Action.SKIP,
        "recent": Action.NONE,
        "sums": Action.SKIP,
        "best": Action.SKIP,
        "copy": Action.SKIP,
    }
    assert steps["orders"].reason == "its sources show nothing new"


def test_below_a_step_that_writes_the_decision_is_left_to_the_run():
    steps = planned(CHAIN, {**THERE, "orders": stream_there(situation=NEWS)})

    assert steps["orders"] == AppendStreams(name("orders"), Action.APPEND, "2 new files")
    assert isinstance(steps["recent"], InlineView)
    for word, above in (("sums", "orders"), ("best", "sums"), ("copy", "orders")):
        assert (steps[word].when, steps[word].reason) == ((name(above),), f"if {above} changes")
    assert isinstance(steps["sums"], ReplaceTable)
    assert isinstance(steps["copy"], AppendStreams)


def test_a_reason_of_its_own_leaves_nothing_to_decide():
    situations = {
        **THERE,
        "orders": stream_there(situation=NEWS),
        "sums": view_there("orders went from 3 to 4"),
    }

    step = planned(CHAIN, situations)["sums"]

    assert (step.reason, step.when) == ("orders went from 3 to 4", ())


def test_the_first_run_creates_everything_unconditionally():
    fresh = Situation(None, flows={"orders": FlowSituation(), "copy": FlowSituation()})

    steps = planned(CHAIN, dict.fromkeys(("orders", "sums", "best", "copy"), fresh))

    written = [step for word, step in steps.items() if word != "recent"]
    assert {(action_of(step), step.reason, step.when) for step in written} == {
        (Action.CREATE, "the table does not exist", ())
    }


def test_flows_of_one_table_say_their_news_together():
    dataset = a_dataset(
        "orders", STREAM, a_flow("orders", "/a", flow="a"), a_flow("orders", "/b", flow="b")
    )
    news = {"a": NEWS, "b": replace(QUIET, news=("2 new files", "its query changed"))}

    step = planned(a_graph(dataset), {"orders": Situation(a_table(STREAM), flows=news)})["orders"]

    assert (step.action, step.reason) == (Action.APPEND, "2 new files; its query changed")


def test_new_columns_are_a_reason_to_run():
    dataset = a_dataset("orders", STREAM, a_flow("orders", schema=a_schema(id="long", who="text")))

    step = planned(a_graph(dataset), {"orders": stream_there()})["orders"]

    assert (step.action, step.reason) == (Action.APPEND, "new columns: who")
    assert step.new_columns == ("who",)


def test_metadata_is_made_right_even_where_rows_are_left_alone():
    dataset = a_dataset("sums", VIEW, comment="sums", table_properties={"a": "1"})

    step = planned(a_graph(dataset), {"sums": view_there(properties={"a": "0", "b": "2"})})["sums"]

    assert isinstance(step, SkipDataset)
    assert step.reason == (
        "nothing that it reads has changed; comments or properties are made as the code says"
    )
    assert step.metadata.set["comment"] == "sums"
    assert step.metadata.set["a"] == "1"
    assert "b" not in step.metadata.unset


def a_column(comment="", *, nullable=True):
    field = {"name": "id", "type": "long", "nullable": nullable, "metadata": {"comment": comment}}
    return schema_from_json(json.dumps({"type": "struct", "fields": [field]}))


@pytest.mark.parametrize(
    ("declared", "on_disk", "commented", "nullable"),
    [
        (a_column("two"), a_column("one"), {("id",): "two"}, ()),
        (a_column(), a_column("one"), {("id",): ""}, ()),
        (a_column(), a_column(nullable=False), {}, (("id",),)),
        (a_column(nullable=False), a_column(nullable=False), {}, ()),
        # Delta cannot forbid what a table lets in; the job that writes does.
        (a_column(nullable=False), a_column(), {}, ()),
    ],
)
def test_comments_of_columns_are_the_codes_and_not_null_is_only_taken_away(
    declared, on_disk, commented, nullable
):
    sums = replace(a_dataset("sums", VIEW, schema="id BIGINT"), schema=declared)

    step = planned(a_graph(sums), {"sums": view_there(schema=on_disk)})["sums"]

    assert isinstance(step, SkipDataset)
    assert (step.metadata.comments, step.metadata.nullable) == (commented, nullable)


def test_what_the_code_does_not_declare_keeps_its_comments():
    step = planned(a_graph(SUMS), {"sums": view_there(schema=a_column("one"))})["sums"]

    assert not step.metadata.comments


def test_a_full_refresh_takes_the_streams_below_with_it():
    graph = a_graph(
        *CHAIN.datasets.values(),
        a_dataset("veiled", INLINE, a_flow("veiled", "copy*")),
        a_dataset("last", STREAM, a_flow("last", "veiled*")),
        a_dataset("lookup", STREAM, a_flow("lookup", "orders", "other*")),
        a_dataset("other", STREAM, a_flow("other", "/other")),
    )
    quiet = {word: stream_there(word) for word in ("last", "lookup", "other")}

    steps = planned(graph, {**THERE, **quiet}, full_refresh=some("orders"))

    assert {
        word: step.reason for word, step in steps.items() if action_of(step) is Action.FULL_REFRESH
    } == {
        "orders": "a full refresh was asked for (not atomic: emptied first, then filled)",
        "copy": "it streams from orders, which is fully refreshed",
        "last": "it streams from copy, which is fully refreshed",
    }
    assert steps["last"].reset == ("last",)
    assert steps["sums"].reason == "if orders changes"
    assert steps["lookup"].reason == "if orders changes"
    assert action_of(steps["other"]) is Action.SKIP


def test_a_full_refresh_of_all_spares_what_must_not_be_reset_and_what_that_streams_from():
    kept = {"pipelines.reset.allowed": "false"}
    graph = a_graph(
        *CHAIN.datasets.values(),
        a_dataset("kept", STREAM, a_flow("kept", "copy*"), table_properties=kept),
        a_dataset("other", STREAM, a_flow("other", "/other")),
    )
    situations = {**THERE, "kept": stream_there("kept"), "other": stream_there("other")}

    steps = planned(
        graph, situations, full_refresh=frozenset(graph.datasets), full_refresh_all=True
    )
    (error,) = refused(graph, situations, full_refresh=some("kept"))

    actions = {word: action_of(step) for word, step in steps.items()}
    assert actions["other"] is actions["sums"] is Action.FULL_REFRESH
    assert actions["orders"] is actions["copy"] is actions["kept"] is Action.SKIP
    assert "not fully refreshed: its pipelines.reset.allowed is false" in steps["kept"].reason
    assert "not fully refreshed: kept streams from it" in steps["orders"].reason
    assert isinstance(error, errors.ResetNotAllowed)


def test_a_full_refresh_of_a_view_takes_nothing_with_it():
    steps = planned(CHAIN, THERE, full_refresh=some("sums"))

    assert (steps["sums"].action, steps["sums"].reason) == (
        Action.FULL_REFRESH,
        "a full refresh was asked for",
    )
    assert steps["best"].when == (name("sums"),)
    assert action_of(steps["copy"]) is Action.SKIP


def test_a_full_refresh_that_leaves_a_stream_below_out_is_refused():
    selection = some("orders", "sums")

    (error,) = refused(CHAIN, THERE, full_refresh=some("orders"), selection=selection)

    assert isinstance(error, errors.ResetIncomplete)
    assert error.what == (
        "copy streams from orders, which is fully refreshed, but is not selected: "
        "it would read rows that are gone"
    )
    assert error.fix == "select copy too, so that both are refreshed"


def test_a_stream_over_a_table_that_lost_rows_is_refused_until_it_begins_anew():
    lost = replace(QUIET, rewritten=("base has a DELETE in version 3",))
    other = replace(QUIET, replaced=("base is another table now",))
    graph = a_graph(a_dataset("orders", STREAM, a_flow("orders", "/base")))

    (changed,) = refused(graph, {"orders": stream_there(situation=lost)})
    (replaced,) = refused(graph, {"orders": stream_there(situation=other)})

    assert isinstance(changed, errors.TableReplaced)
    assert (changed.what, changed.origin) == (
        (
            "orders streams from a table whose rows were changed or removed: "
            "base has a DELETE in version 3"
        ),
        HERE,
    )
    assert changed.fix == (
        "run with --full-refresh orders, or read with the option skipChangeCommits"
    )
    assert replaced.fix == "run with --full-refresh orders"
    for asked in ({"full_refresh": some("orders")}, {"reset_flows": frozenset({"orders"})}):
        assert planned(graph, {"orders": stream_there(situation=lost)}, **asked)


def test_who_streams_from_a_table_that_is_emptied_is_told():
    situations = {name(word): each for word, each in THERE.items()}
    streams = [(name("copy"), "crm", "people"), (name("other"), "crm", "others")]

    plain, full = (
        make_plan("shop", CHAIN, situations, Request(full_refresh=asked))
        for asked in (frozenset(), some("orders"))
    )

    assert not list(streams_left_behind(plain, CHAIN, streams))
    assert list(streams_left_behind(full, CHAIN, streams)) == [
        (
            "people of pipeline crm streams from copy, which is emptied first: unless it reads "
            "with skipChangeCommits, it is refused (DLT406) until it is refreshed too "
            "(run crm --full-refresh people)"
        )
    ]


def test_files_that_are_gone_are_counted_where_a_reset_would_need_them():
    lost = replace(QUIET, lost=3)
    situations = {
        name(word): each for word, each in {**THERE, "orders": stream_there(situation=lost)}.items()
    }

    plain, full = (
        make_plan("shop", CHAIN, situations, Request(full_refresh=asked))
        for asked in (frozenset(), some("orders"))
    )

    assert (plain.lost_files, full.lost_files) == ({}, {name("orders"): 3})
    assert lost_rows(plain, CHAIN) == ""
    assert lost_rows(full, CHAIN) == (
        "files that were read are gone, their rows would be lost: orders (3 files)"
    )


def test_a_reset_of_a_checkpoint_is_the_flows_alone():
    dataset = a_dataset(
        "orders", STREAM, a_flow("orders", "/a", flow="a"), a_flow("orders", "/b", flow="b")
    )
    both = Situation(a_table(STREAM), flows={"a": QUIET, "b": QUIET})

    step = planned(a_graph(dataset), {"orders": both}, reset_flows=frozenset({"b"}))["orders"]

    assert (step.action, step.reset) == (Action.RESET_CHECKPOINT, ("b",))
    assert step.reason == "checkpoint reset asked for: b"


@pytest.mark.parametrize(
    ("flow", "selection", "what", "fix"),
    [
        ("ordres", None, "no flow of a streaming table is called 'ordres'", "mean 'orders'?"),
        ("sums", None, "no flow of a streaming table is called 'sums'", "there are: copy, orders"),
        ("orders", "sums", "flow orders fills orders, which is not selected", "select orders too"),
    ],
)
def test_a_reset_that_would_do_nothing_is_refused(flow, selection, what, fix):
    chosen = None if selection is None else some(selection)

    (error,) = refused(CHAIN, THERE, reset_flows=frozenset({flow}), selection=chosen)

    assert isinstance(error, BadSelection)
    assert error.what == what
    assert fix in (error.fix or "")


def test_a_full_refresh_of_what_is_not_selected_is_refused():
    (error,) = refused(CHAIN, THERE, full_refresh=some("sums"), selection=some("orders"))

    assert error.what == "sums is to be fully refreshed, but is not selected"
    assert error.fix == "select sums too, or leave it out of the full refresh"


def test_what_is_not_selected_is_excluded_and_read_as_it_is():
    situations = {**THERE, "orders": stream_there(situation=NEWS)}

    steps = planned(CHAIN, situations, selection=some("sums"))

    assert steps.pop("sums") == SkipDataset(
        name("sums"), "nothing that it reads has changed", {"orders": 4}
    )
    assert set(steps.values()) == {
        ExcludeDataset(name(word), "not selected") for word in ("orders", "recent", "best", "copy")
    }


def test_an_input_that_was_never_made_cannot_be_left_out():
    (error,) = refused(CHAIN, {**THERE, "orders": NOTHING}, selection=some("sums"))

    assert isinstance(error, errors.BadSelection)
    assert error.what == "sums reads orders, which is not selected and does not exist yet"
    assert error.fix == "select +sums, with all that it reads"


STREAMED = a_dataset("orders", STREAM, a_flow("orders", "/landing"))
RESTORED = ("version 5 is a RESTORE of somebody else",)


@pytest.mark.parametrize(
    ("dataset", "situation", "kind", "says", "fix"),
    [
        (
            SUMS,
            view_there(owner=None),
            errors.NotOurs,
            "a table that dlt_lite did not make is where sums would go: /tables/x",
            "move that table away",
        ),
        (
            SUMS,
            view_there(owner="other"),
            errors.OwnedTwice,
            "sums is already a table of pipeline 'other'",
            "declare it in one pipeline only",
        ),
        (
            SUMS,
            view_there(kind=STREAM),
            errors.OtherKind,
            "sums is a materialized view now, but its table was made as a streaming table",
            "give the dataset another name, or move the table away: /tables/x",
        ),
        (
            STREAMED,
            stream_there(partition_cols=("Day",)),
            errors.PartitioningChanged,
            "orders is partitioned by (day) on disk and by () in code",
            "run with --full-refresh orders",
        ),
        (
            STREAMED,
            stream_there(schema=a_schema(id="long", who="string")),
            errors.SchemaIncompatible,
            "orders: the query no longer yields column 'who', which the table has",
            "keep the column, or run with --full-refresh orders",
        ),
        (
            STREAMED,
            stream_there(schema=a_schema(ID="string")),
            errors.SchemaIncompatible,
            "orders: column 'ID' is string in the table and long in the query",
            "cast it to string, or run with --full-refresh orders",
        ),
        (
            STREAMED,
            stream_there(overwritten=True, touched=RESTORED),
            errors.TableReplaced,
            "somebody else changed orders: version 5 is a RESTORE of somebody else",
            "restore the table",
        ),
        (
            STREAMED,
            stream_there(situation=replace(QUIET, owner_id="t0")),
            errors.TableReplaced,
            "orders was dropped and made anew by somebody else; its checkpoint knows another",
            "run with --full-refresh orders",
        ),
        (
            STREAMED,
            stream_there(situation=replace(QUIET, started=False)),
            errors.CheckpointMissing,
            "orders holds rows of flow orders, but the flow's checkpoint is gone",
            "with --reset-checkpoint orders to keep the rows and read the sources again",
        ),
        (
            STREAMED,
            stream_there(situation=replace(QUIET, damage=DAMAGE)),
            errors.StateDamaged,
            "orders: the checkpoint of flow orders cannot be read: /ck/offsets/0 is damaged",
            "put it back; or run with --full-refresh orders to begin anew, or with --reset",
        ),
        (
            STREAMED,
            Situation(None, flows={"orders": FlowSituation()}, trouble=TROUBLE),
            errors.StateDamaged,
            "/log/1.json is damaged",
            "put it back",
        ),
        (
            STREAMED,
            Situation(None, flows={"orders": QUIET}),
            errors.TableReplaced,
            "the table of orders is gone, but flow orders has a checkpoint",
            "put the table back, or run with --full-refresh orders",
        ),
    ],
)
def test_what_on_disk_does_not_fit_is_explained(dataset, situation, kind, says, fix):
    (error,) = refused(a_graph(dataset), {dataset.dataset.shown: situation})

    assert isinstance(error, kind)
    assert says in error.what
    assert fix in (error.fix or "")
    assert error.origin == HERE


def test_a_damaged_file_stops_only_what_needs_it():
    graph = a_graph(
        STREAMED,
        a_dataset("other", STREAM, a_flow("other", "/in*")),
        a_dataset("sums", VIEW, a_flow("sums", "orders")),
    )
    damaged = replace(QUIET, damage=DAMAGE)
    checkpoint = {
        "orders": stream_there(situation=damaged),
        "other": stream_there("other"),
        "sums": view_there(),
    }
    table = checkpoint | {
        "orders": Situation(None, flows={"orders": FlowSituation()}, trouble=TROUBLE)
    }

    assert isinstance(planned(graph, checkpoint, selection=some("other"))["other"], SkipDataset)
    assert isinstance(planned(graph, checkpoint, selection=some("sums"))["sums"], SkipDataset)
    assert isinstance(planned(graph, table, selection=some("other"))["other"], SkipDataset)
    assert refused(graph, table, selection=some("sums")) == (TROUBLE,)
    for way_out in ({"full_refresh": some("orders")}, {"reset_flows": frozenset({"orders"})}):
        assert isinstance(planned(graph, checkpoint, **way_out)["orders"], AppendStreams)


@pytest.mark.parametrize(
    "situation",
    [
        stream_there(partition_cols=("day",)),
        stream_there(schema=a_schema(id="string", who="long")),
        stream_there(overwritten=True, touched=RESTORED),
        stream_there(situation=replace(QUIET, owner_id="t0")),
        stream_there(situation=replace(QUIET, started=False)),
        Situation(None, flows={"orders": QUIET}),
    ],
)
def test_a_full_refresh_is_the_way_out(situation):
    steps = planned(a_graph(STREAMED), {"orders": situation}, full_refresh=some("orders"))

    assert action_of(steps["orders"]) in {Action.FULL_REFRESH, Action.CREATE}


def test_a_reset_checkpoint_is_the_way_out_of_a_lost_one():
    lost = stream_there(situation=replace(QUIET, started=False))

    step = planned(a_graph(STREAMED), {"orders": lost}, reset_flows=frozenset({"orders"}))["orders"]

    assert step.action is Action.RESET_CHECKPOINT


def test_foreign_appends_do_not_stop_a_stream():
    touched = stream_there(touched=("version 4 is a WRITE of somebody else",))

    assert isinstance(planned(a_graph(STREAMED), {"orders": touched})["orders"], SkipDataset)


def test_a_reset_may_be_forbidden():
    forbidden = {"pipelines.reset.allowed": "False"}
    graph = a_graph(
        STREAMED,
        a_dataset("copy", STREAM, a_flow("copy", "orders*"), table_properties=forbidden),
    )
    situations = {"orders": stream_there(), "copy": stream_there("copy")}

    (error,) = refused(graph, situations, full_refresh=some("orders"))

    assert isinstance(error, errors.ResetNotAllowed)
    assert error.what == "copy must not be fully refreshed: pipelines.reset.allowed is false"
    assert set(planned(graph, situations)) == {"orders", "copy"}


def test_everything_that_does_not_fit_is_told_together():
    graph = a_graph(STREAMED, SUMS)
    situations = {
        "orders": stream_there(partition_cols=("day",), schema=a_schema(id="string", who="long")),
        "sums": view_there(owner="other"),
    }

    found = refused(graph, situations)

    assert [type(error) for error in found] == [
        errors.PartitioningChanged,
        errors.SchemaIncompatible,
        errors.SchemaIncompatible,
        errors.OwnedTwice,
    ]


def test_a_table_that_is_not_ours_stops_a_full_refresh_too():
    (error,) = refused(a_graph(SUMS), {"sums": view_there(owner=None)}, full_refresh=some("sums"))

    assert isinstance(error, errors.NotOurs)
