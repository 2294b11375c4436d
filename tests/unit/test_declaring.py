"""Declaring: what a decorator or a call leaves in the registry, and what it hands back."""

import functools
import inspect
import threading
from pathlib import Path

import pytest

import dlt_lite as dlt
from dlt_lite.errors import (
    BadName,
    BadOption,
    DltLiteError,
    DuplicateName,
    ErrorGroup,
    NothingDeclared,
    OrphanExpectation,
    Unprotected,
)
from dlt_lite.frontends.python_files import unknown_targets
from dlt_lite.model.datasets import DeclaredAs, Definitions
from dlt_lite.model.names import DatasetName, Namespace
from dlt_lite.model.rules import RuleAction
from dlt_lite.registry.active import registering_into
from dlt_lite.registry.registry import Registry

HERE = Path(__file__)
WARN, DROP, FAIL = RuleAction.WARN, RuleAction.DROP, RuleAction.FAIL


def declared(declare) -> Definitions:
    """Return what a function declares."""
    registry = Registry(Namespace("shop", "main"), HERE.parent)
    with registering_into(registry):
        declare()
    return registry.freeze()


def test_a_rule_names_targets_that_there_are():
    def declare():
        @dlt.table
        @dlt.expect("both", "a > 0", enabled=["dev", "prd"])
        @dlt.expect("never", "a > 0", enabled=False)
        def events():
            pass

    (error,) = unknown_targets(declared(declare), {"dev", "prod"})
    assert isinstance(error, BadOption)
    assert error.what == "expectation 'both': enabled names no target: 'prd'"
    assert error.fix == "did you mean 'prod'?"
    assert error.origin is not None
    assert error.origin.path == HERE.name
    (error,) = unknown_targets(declared(declare), {"dev"})
    assert error.fix == "targets of the project: dev"
    assert list(unknown_targets(declared(declare), ())) == []


def refused(declare) -> tuple[DltLiteError, ...]:
    """Return the errors of what a function declares."""
    with pytest.raises(DltLiteError) as caught:
        declared(declare)
    error = caught.value
    return error.errors if isinstance(error, ErrorGroup) else (error,)


def only(definitions: Definitions):
    (dataset,) = definitions.datasets.values()
    return dataset


def query():
    return "a frame"


def test_a_decorator_hands_the_function_back_so_that_a_test_can_call_it():
    def declare():
        for decorator in (
            dlt.table,
            dlt.table(name="b"),
            dlt.materialized_view(name="c"),
            dlt.temporary_view(name="d"),
            dlt.view(name="e"),
            dlt.append_flow(target="query", name="f"),
            dlt.expect("good", "id > 0"),
            dlt.expect_all_or_fail({"fine": "id > 1"}),
        ):
            assert decorator(query) is query

    flows = declared(declare).flows

    assert [flow.name for flow in flows] == ["query", "b", "c", "d", "e", "f"]
    assert {flow.query() for flow in flows} == {"a frame"}


@pytest.mark.parametrize(
    ("decorator", "kind"),
    [
        (dlt.table, DeclaredAs.TABLE),
        (dlt.table(), DeclaredAs.TABLE),
        (dlt.materialized_view, DeclaredAs.MATERIALIZED_VIEW),
        (dlt.materialized_view(comment=None), DeclaredAs.MATERIALIZED_VIEW),
        (dlt.view, DeclaredAs.TEMPORARY_VIEW),
        (dlt.temporary_view(), DeclaredAs.TEMPORARY_VIEW),
    ],
)
def test_with_and_without_parentheses_the_name_is_the_functions(decorator, kind):
    definitions = declared(lambda: decorator(query))

    dataset = only(definitions)
    assert (dataset.name, dataset.shown) == (DatasetName("shop", "query", "main"), "query")
    assert dataset.declared_as is kind
    assert definitions.flows[0].target == dataset.name
    assert not definitions.flows[0].explicit


@pytest.mark.parametrize(
    ("name", "full", "shown"),
    [
        ("Orders", "main.shop.orders", "Orders"),
        ("shop.Orders", "main.shop.orders", "Orders"),
        ("raw.orders", "main.raw.orders", "raw.orders"),
        ("lake.raw.orders", "lake.raw.orders", "lake.raw.orders"),
        ("LIVE.orders", "main.shop.orders", "orders"),
    ],
)
def test_a_name_of_its_own_is_completed(name, full, shown):
    dataset = only(declared(lambda: dlt.table(name=name)(query)))

    assert (str(dataset.name), dataset.shown) == (full, shown)


def test_a_loop_declares_a_dataset_at_each_turn():
    def declare():
        for day in ("mon", "tue"):

            @dlt.table(name=f"day_{day}", tags=[day])
            def read(day=day):
                return day

    definitions = declared(declare)

    assert [flow.query() for flow in definitions.flows] == ["mon", "tue"]
    assert [each.options.tags for each in definitions.datasets.values()] == [("mon",), ("tue",)]


def test_none_means_absent():
    parameters = inspect.signature(dlt.table).parameters
    nothing = {name: None for name in parameters if name != "query_function"}

    plain, absent = (
        only(declared(lambda given=given: dlt.table(**given)(query))) for given in ({}, nothing)
    )

    assert absent.options == plain.options
    assert absent.rules == ()


def test_the_parameters_are_those_of_databricks():
    shared = ["name", "comment", "spark_conf", "table_properties", "path", "partition_cols"]
    shared += ["cluster_by_auto", "cluster_by", "schema", "row_filter"]
    rules = ["expect_all", "expect_all_or_drop", "expect_all_or_fail"]

    for function, names in (
        (dlt.table, [*shared, "temporary", "private"]),
        (dlt.materialized_view, [*shared, "private"]),
        (dlt.temporary_view, ["name", "comment", "spark_conf"]),
        (dlt.create_streaming_table, [*shared, *rules]),
        (dlt.append_flow, ["target", "name", "once", "spark_conf", "comment"]),
        (dlt.expect, ["name", "inv"]),
        (dlt.expect_all, ["expectations"]),
    ):
        assert set(names) <= set(inspect.signature(function).parameters)


def test_options_are_kept():
    def declare():
        dlt.table(
            comment="all of them",
            spark_conf={"a": True, "b": 5},
            table_properties={"quality": "raw", "on": False},
            partition_cols="day",
            schema="id BIGINT",
            temporary=True,
            tags=("x", "y"),
            refresh_policy="full",
        )(query)

    definitions = declared(declare)

    options = only(definitions).options
    assert (options.comment, options.schema) == ("all of them", "id BIGINT")
    assert options.table_properties == {"quality": "raw", "on": "false"}
    assert options.partition_cols == ("day",)
    assert options.private
    assert (options.tags, options.refresh_policy) == (("x", "y"), "full")
    assert definitions.flows[0].spark_conf == {"a": "true", "b": "5"}


def test_what_only_tunes_databricks_is_said_once():
    def declare():
        for name in ("a", "b"):
            dlt.table(name=name, cluster_by_auto=True, path="/somewhere")(query)

    notes = declared(declare).notes

    assert len(notes) == 4
    assert "a: cluster_by_auto tunes Databricks only; it does nothing here" in notes
    assert "b: path= is not followed; tables lie under the storage root" in notes


def test_expectations_are_read_from_above_however_they_are_stacked():
    def declare():
        @dlt.expect("one", "a > 1")
        @dlt.expect_all({"two": "a > 2", "three": "a > 3"})
        @dlt.table
        @dlt.expect_or_drop("four", "a > 4")
        @dlt.expect_all_or_drop({"five": "a > 5"})
        @dlt.expect_or_fail("six", "a > 6")
        @dlt.expect_all_or_fail({"seven": "a > 7"})
        def query():
            return None

    rules = only(declared(declare)).rules

    words = ["one", "two", "three", "four", "five", "six", "seven"]
    actions = [WARN, WARN, WARN, DROP, DROP, FAIL, FAIL]
    assert [(rule.name, rule.action) for rule in rules] == list(zip(words, actions, strict=True))
    assert [rule.condition for rule in rules] == [f"a > {n}" for n in range(1, 8)]
    assert rules[3].origin.line == rules[0].origin.line + 3


def test_expectations_are_found_below_a_decorator_of_the_users_own():
    def logged(function):
        @functools.wraps(function)
        def call():
            return function()

        return call

    rules = only(
        declared(lambda: dlt.table(name="a")(logged(dlt.expect("good", "id > 0")(query))))
    ).rules

    assert [rule.name for rule in rules] == ["good"]


def test_flows_fill_a_streaming_table_wherever_they_are_declared():
    def declare():
        dlt.append_flow(target="ORDERS", name="late", once=True, comment="c")(query)
        dlt.create_streaming_table(
            "orders", spark_conf={"a": "1", "b": "2"}, expect_all_or_drop={"good": "id > 0"}
        )
        dlt.append_flow(target="main.shop.orders", spark_conf={"b": "3"})(query)

    definitions = declared(declare)

    dataset = only(definitions)
    late, plain = definitions.flows_by_target()[dataset.name]
    assert dataset.declared_as is DeclaredAs.STREAMING_TABLE
    assert [(rule.name, rule.action) for rule in dataset.rules] == [("good", DROP)]
    assert (late.name, late.once, late.explicit, late.comment) == ("late", True, True, "c")
    assert (plain.name, plain.once) == ("query", False)
    assert (late.spark_conf, plain.spark_conf) == ({"a": "1", "b": "2"}, {"a": "1", "b": "3"})


def test_an_origin_is_the_users_line():
    def declare():
        dlt.create_streaming_table("orders")
        dlt.append_flow(target="orders")(query)

    definitions = declared(declare)

    first = declare.__code__.co_firstlineno + 1
    assert only(definitions).origin.path == HERE.name
    assert only(definitions).origin.line == first
    assert definitions.flows[0].origin.line == first + 1


def test_outside_of_a_pipeline_nothing_is_recorded_and_nothing_is_wrong():
    assert dlt.table(name="a b c")(query) is query
    assert dlt.expect("good", "id > 0")(query) is query
    assert dlt.append_flow(target="x")(query) is query
    assert dlt.create_streaming_table("../x") is None


def test_reading_outside_of_a_function_is_refused():
    for read in (dlt.read, dlt.read_stream):
        with pytest.raises(BadOption, match="inside the function of a dataset only") as caught:
            read("orders")
        assert caught.value.fix == "move the call into the decorated function"


def test_threads_declare_into_registries_of_their_own():
    found = {}

    def load(word):
        found[word] = [
            each.shown for each in declared(lambda: dlt.table(name=word)(query)).datasets.values()
        ]

    threads = [threading.Thread(target=load, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {f"t{n}": [f"t{n}"] for n in range(4)}


def test_everything_refused_is_told_together():
    def declare():
        dlt.table(name="a b")(dlt.expect("good", "id > 0")(query))
        dlt.table(name="fine")(lambda: None)
        dlt.table(name="FINE")(lambda: None)
        dlt.table(name="both", partition_cols=["a"], cluster_by=["b"])(lambda: None)
        dlt.table(name="secret", row_filter="ROW FILTER f ON (a)")(lambda: None)
        dlt.table(name="masked", schema="id BIGINT mask hidden")(lambda: None)

    found = refused(declare)

    kinds = [BadName, DuplicateName, BadOption, Unprotected, Unprotected]
    assert [type(error) for error in found] == kinds
    assert all(error.origin and error.fix for error in found)


def test_both_places_of_a_doubled_name_are_named():
    def declare():
        dlt.table(name="orders")(query)
        dlt.view(name="Orders")(query)

    (error,) = refused(declare)

    first = declare.__code__.co_firstlineno + 1
    assert error.what == (
        "dataset 'Orders' is declared twice ('orders' differs in case only); "
        f"the first is at {HERE.name}:{first}"
    )
    assert error.origin.line == first + 1


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda: dlt.table(partition_cols=5)(query), "query: partition_cols is no list of strings"),
        (lambda: dlt.table(cluster_by=["a", 5])(query), "query: cluster_by is no list of strings"),
        (lambda: dlt.table(tags={"a"})(query), "query: tags is no list of strings"),
        (lambda: dlt.table(spark_conf="a=b")(query), "query: spark_conf is no dictionary"),
        (lambda: dlt.table(table_properties=["a"])(query), "query: table_properties is no dict"),
        (lambda: dlt.table(refresh_policy="auto ")(query), "query has refresh_policy='auto '"),
        (lambda: dlt.table(lambda: None), "a lambda or a callable object has no name of its own"),
        (lambda: dlt.table(dlt.expect_all("a > 1")(query)), "expectations are 'a > 1', not a dict"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(declare, says):
    (error,) = refused(declare)

    assert isinstance(error, BadOption)
    assert says in error.what


def test_a_name_where_a_function_is_meant_stops_the_file():
    with pytest.raises(BadOption, match="@table was given 'orders' where a function is meant"):
        declared(lambda: dlt.table("orders"))


@pytest.mark.parametrize("name", ["", "  ", None, 5])
def test_an_expectation_has_a_name(name):
    (error,) = refused(lambda: dlt.table(dlt.expect(name, "id > 0")(query)))

    assert isinstance(error, BadName)
    assert error.what == f"{name!r} is no name of an expectation"


def test_two_expectations_of_one_name_are_refused_in_whatever_case():
    def declare():
        dlt.table(dlt.expect("good", "id > 0")(dlt.expect_or_drop("Good", "id > 1")(query)))

    (error,) = refused(declare)

    assert isinstance(error, DuplicateName)
    assert "query has two expectations named 'Good'" in error.what


def test_an_expectation_needs_a_dataset():
    def declare():
        dlt.expect("good", "id > 0")(query)
        dlt.table(name="other")(lambda: None)

    (error,) = refused(declare)

    assert isinstance(error, OrphanExpectation)
    assert error.what == "expectation 'good' is on query, which declares no dataset"


@pytest.mark.parametrize("name", ["..", "a b", "a/b", "`a`", "x" * 129])
def test_a_flow_is_named_as_a_dataset_is(name):
    def declare():
        dlt.create_streaming_table("orders")
        dlt.append_flow(target="orders", name=name)(query)

    (error,) = refused(declare)

    assert isinstance(error, BadName)


def test_two_flows_of_one_name_are_refused():
    def declare():
        dlt.create_streaming_table("orders")
        dlt.append_flow(target="orders")(query)
        dlt.append_flow(target="orders", name="QUERY")(query)

    (error,) = refused(declare)

    assert "two flows are named 'QUERY'; the first is at" in error.what


def test_files_that_declare_nothing_are_refused():
    (error,) = refused(lambda: None)

    assert isinstance(error, NothingDeclared)
