"""Rules as data: what files and dictionaries of expectations say, and how they are refused."""

import json
import subprocess
import sys

import pytest

import dlt_lite as dlt
from dlt_lite.errors import BadSuite, BadYaml, DuplicateName
from dlt_lite.model.checks import (
    Aggregate,
    DropRatio,
    ForeignKey,
    Fresh,
    HasSchema,
    RowCountChange,
    RuleKind,
    Unique,
)
from dlt_lite.model.origin import Origin
from dlt_lite.model.rules import NullPolicy, RuleAction, Severity, Threshold
from tests.unit.suites_made import declared, events, refusal, refused, rules

PATH = "expectations/shop.yml"


def test_a_file_named_like_the_pipeline_gives_rules_to_its_datasets_each_with_line_and_column(
    tmp_path,
):
    found = rules(
        tmp_path,
        "events:\n  rules:\n    valid id: id IS NOT NULL\n    fresh price:\n"
        "      expect: price > 0\n      on_violation: drop\n      mostly: 0.9\n",
    )

    first, second = found
    assert (first.name, first.action, first.condition) == (
        "valid id",
        RuleAction.WARN,
        "id IS NOT NULL",
    )
    assert (first.origin, second.origin) == (Origin(PATH, 3, 5), Origin(PATH, 4, 5))
    assert (second.action, second.terms.threshold) == (RuleAction.DROP, Threshold(0.9))


def test_every_kind_of_check_can_be_said_in_a_file(tmp_path):
    found = rules(
        tmp_path,
        """
events:
  rules:
    - unique: [id, day]
    - foreign_key: {columns: customer, to: customers.id}
    - aggregate: count(*) > 5
      on_violation: fail
    - row_count_change: {max_decrease: 0.2}
    - fresh: {column: seen, within: 2 hours}
    - schema: id BIGINT, day DATE
    - schema: {columns: [id], others: false, ordered: true}
    - max_drop_ratio: 0.05
    - name: positive
      expect: price > 0
""",
    )

    checks = [each.check for each in found]
    assert [type(each) for each in checks[:-1]] == [
        Unique,
        ForeignKey,
        Aggregate,
        RowCountChange,
        Fresh,
        HasSchema,
        HasSchema,
        DropRatio,
    ]
    assert checks[0] == Unique(("id", "day"))
    assert checks[5] == HasSchema((("id", "BIGINT"), ("day", "DATE")))
    assert checks[6] == HasSchema((("id", None),), others=False, ordered=True)
    assert (found[2].name, found[2].action) == ("count(*) > 5", RuleAction.FAIL)
    assert (found[-1].name, found[-1].kind) == ("positive", RuleKind.ROW)


def test_defaults_hold_for_the_rules_that_can_have_them(tmp_path):
    row, unique, fresh = rules(
        tmp_path,
        """
events:
  defaults: {on_violation: drop, severity: info, owner: ana, mostly: 0.5, null: pass}
  rules:
    positive: {expect: price > 0, owner: bo}
    one of each: {unique: id}
    new: {fresh: {column: seen, within: 1 day}}
""",
    )

    assert (row.action, row.terms.owner, row.terms.null) == (RuleAction.DROP, "bo", NullPolicy.PASS)
    assert (unique.action, unique.terms.threshold) == (RuleAction.WARN, Threshold(0.5))
    assert (fresh.action, fresh.terms.threshold) == (RuleAction.WARN, None)
    assert {each.terms.severity for each in (row, unique, fresh)} == {Severity.INFO}
    assert fresh.terms.owner == "ana"


def test_what_stands_under_a_column_is_about_that_column(tmp_path):
    found = rules(
        tmp_path,
        """
events:
  columns:
    id: [expect_column_values_to_not_be_null]
    country:
      - expect_column_value_lengths_to_equal: {value: 2}
        on_violation: quarantine
      - type: expect_column_values_to_be_in_set
        kwargs: {value_set: [DE, FR]}
""",
    )

    assert [each.condition for each in found] == [
        "`id` IS NOT NULL",
        "length(`country`) = 2",
        "`country` IN ('DE', 'FR')",
    ]
    assert found[1].action is RuleAction.QUARANTINE
    assert found[0].name == "expect_column_values_to_not_be_null(id)"


def test_a_dictionary_says_what_a_file_says_at_the_line_of_its_dataset(tmp_path):
    told = {"rules": {"valid id": "id > 0", "one": {"unique": ["id"]}}}

    def declare():
        dlt.table(name="events", expectations=told)(events)

    (dataset,) = declared(tmp_path, {}, declare).datasets.values()
    assert [each.name for each in dataset.rules] == ["valid id", "one"]
    assert dataset.rules[0].origin.path.endswith("test_suites_files.py")


def test_every_decorator_of_a_dataset_takes_expectations(tmp_path):
    told = {"rules": {"good": "id > 0"}}

    def declare():
        dlt.table(name="a", expectations=told)(events)
        dlt.materialized_view(name="b", expectations=told)(events)
        dlt.view(name="c", expectations=told)(events)
        dlt.create_streaming_table("d", expectations=told)

    found = declared(tmp_path, {}, declare).datasets.values()
    assert [[rule.name for rule in each.rules] for each in found] == [["good"]] * 4


def test_a_named_file_gives_a_dataset_its_own_part_and_is_read_once(tmp_path):
    def declare():
        dlt.table(name="events", expectations="shared")(events)
        dlt.table(name="others", expectations="shop")(events)

    files = {
        "shared.yml": "events: {rules: {a: x > 0}}\nelsewhere: {rules: {b: x > 0}}\n",
        "shop.yml": "others: {rules: {c: x > 0}}\n",
    }
    found = declared(tmp_path, files, declare).datasets.values()
    assert [[rule.name for rule in each.rules] for each in found] == [["a"], ["c"]]


def test_a_suite_of_great_expectations_finds_its_dataset_by_table_meta_name_or_file(tmp_path):
    entry = [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}}]
    suites = (
        ("x.json", {"name": "whatever", "meta": {"dlt_lite": {"dataset": "events"}}}),
        ("x.yml", {"table": "events", "name": "whatever"}),
        ("x.json", {"name": "events"}),
        ("events.json", {}),
    )
    for number, (file, told) in enumerate(suites):
        text = json.dumps({**told, "expectations": entry})
        (rule,) = rules(tmp_path / str(number), text, file)
        assert (rule.condition, rule.action) == ("`id` IS NOT NULL", RuleAction.WARN)


def test_a_suite_keeps_its_severity_where_and_mostly_and_its_actions_are_in_meta(tmp_path):
    text = json.dumps(
        {
            "name": "events",
            "meta": {"great_expectations_version": "1.24.1"},
            "expectations": [
                {
                    "type": "expect_column_values_to_be_between",
                    "kwargs": {
                        "column": "price",
                        "min_value": 0,
                        "mostly": 0.9,
                        "row_condition": "day = 1",
                        "condition_parser": "spark",
                    },
                    "severity": "info",
                    "notes": ["prices are sums"],
                    "meta": {"on_violation": "drop"},
                },
                {
                    "type": "expect_column_values_to_be_unique",
                    "kwargs": {"column": "id"},
                    "meta": {"dlt_lite": {"on_violation": "fail", "owner": "ana"}},
                },
            ],
        },
        indent=1,
    )

    first, second = rules(tmp_path, text, "events.json")

    assert (first.condition, first.terms.where) == ("`price` >= 0.0D", "day = 1")
    assert first.terms.threshold == Threshold(0.9)
    assert (first.terms.severity, first.terms.null) == (Severity.INFO, NullPolicy.PASS)
    assert (first.action, first.terms.description) == (RuleAction.DROP, "prices are sums")
    assert first.origin.line == text[: text.index('{\n   "type"')].count("\n") + 1
    assert (second.action, second.terms.owner) == (RuleAction.FAIL, "ana")
    assert second.terms.severity is Severity.CRITICAL
    assert json.loads(second.expectation or "") == {
        "type": "expect_column_values_to_be_unique",
        "kwargs": {"column": "id"},
    }


def test_an_old_suite_is_converted_and_says_so_once(tmp_path):
    text = json.dumps(
        {
            "expectation_suite_name": "events",
            "data_asset_type": "Dataset",
            "expectations": [
                {
                    "expectation_type": "expect_column_pair_values_to_be_equal",
                    "kwargs": {
                        "column_A": "a",
                        "column_B": "b",
                        "ignore_row_if": "never",
                        "result_format": "BASIC",
                    },
                    "ge_cloud_id": "1",
                    "meta": {},
                }
            ],
        }
    )

    definitions = declared(tmp_path, {"events.json": text})

    ((rule,),) = ([*each.rules] for each in definitions.datasets.values())
    assert rule.condition == "`a` <=> `b`"
    (note,) = definitions.notes
    assert "before 1.0" in note
    assert "expectations/events.json" in note


def test_a_suites_parameter_has_the_value_of_the_pipelines_or_its_own(tmp_path):
    text = json.dumps(
        {
            "name": "events",
            "suite_parameters": {"lo": 1, "hi": 9},
            "expectations": [
                {
                    "type": "expect_column_values_to_be_between",
                    "kwargs": {
                        "column": "a",
                        "min_value": {"$PARAMETER": "lo"},
                        "max_value": {"$PARAMETER": "hi"},
                    },
                }
            ],
        }
    )

    (rule,) = rules(tmp_path, text, "events.json", lo="5")
    assert rule.condition == "`a` >= 5.0D AND `a` <= 9.0D"

    other = text.replace('"lo"}', '"low"}')
    error = refusal(tmp_path / "2", other, "events.json")
    assert "no parameter 'low'" in error.what


def test_two_nameless_expectations_of_one_column_are_told_apart_and_twins_are_refused(tmp_path):
    text = """
events:
  columns:
    a:
      - expect_column_values_to_be_between: {min_value: 1}
      - expect_column_values_to_be_between: {max_value: 9}
"""
    names = {each.name for each in rules(tmp_path, text)}
    assert names == {
        'expect_column_values_to_be_between {"column": "a", "min_value": 1}',
        'expect_column_values_to_be_between {"column": "a", "max_value": 9}',
    }
    error = refusal(tmp_path / "2", text.replace("max_value: 9", "min_value: 1"))
    assert isinstance(error, DuplicateName)
    assert error.origin == Origin(PATH, 6, 9)


def test_two_suites_that_name_a_rule_of_one_dataset_alike_are_refused_with_both_places(tmp_path):
    suite = {"expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "a"}}]}
    files = {
        "shop.yml": "events: {columns: {a: [expect_column_to_exist]}}\n",
        "events.json": json.dumps(suite),
    }

    (error,) = refused(tmp_path, files)

    assert isinstance(error, DuplicateName)
    assert "expectations/events.json:1" in error.what
    assert error.origin == Origin(PATH, 1, 24)


def test_a_rule_of_a_file_and_of_a_decorator_may_not_have_one_name(tmp_path):
    def declare():
        dlt.table(name="events")(dlt.expect("good", "id > 0")(events))

    (error,) = refused(tmp_path, {"shop.yml": "events: {rules: {good: id > 1}}\n"}, declare)
    assert isinstance(error, DuplicateName)


def test_two_files_of_one_name_are_refused(tmp_path):
    files = {"shop.yml": "events: {rules: {a: x > 0}}\n", "shop.json": '{"events": {}}'}
    (error,) = refused(tmp_path, files)
    assert "shop.json and shop.yml have one name" in error.what


def test_a_suite_for_a_dataset_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    error = refusal(tmp_path, "evnts: {rules: {a: x > 0}}\n")
    assert (error.what, error.fix) == (
        "the pipeline has no dataset 'evnts'",
        "did you mean 'events'?",
    )
    assert error.origin == Origin(PATH, 1, 1)

    suite = '{"name": "event", "expectations": []}'
    assert "no dataset 'event'" in refusal(tmp_path / "2", suite, "gx.json").what
    suite = '{"name": "zz", "expectations": []}'
    assert "no dataset 'zz'" in refusal(tmp_path / "3", suite, "shop/gx.json").what


def test_a_suite_of_another_pipeline_is_told_and_left(tmp_path):
    definitions = declared(tmp_path, {"zz.json": '{"expectations": []}'})
    assert any("zz.json" in note for note in definitions.notes)


NOBODYS = "nobody reads expectations/"


def notes(root, file, text="events: {rules: {a: x > 0}}\n", **more):
    definitions = declared(root, {file: text}, **more)
    (dataset,) = definitions.datasets.values()
    assert dataset.rules == ()
    return definitions.notes


def test_a_file_that_nobody_attaches_is_told(tmp_path):
    (note,) = notes(tmp_path / "1", "shopp.yml")
    assert note == (
        "nobody reads expectations/shopp.yml: name it like a pipeline (did you mean 'shop'?), "
        'or let a dataset name it by expectations="shopp"'
    )
    (note,) = notes(tmp_path / "2", "crm.yml", "others: {rules: {a: x > 0}}\n")
    assert "pipelines: shop" in note
    (note,) = notes(tmp_path / "3", "shopp/rules.yml")
    assert note.startswith(f"{NOBODYS}shopp/rules.yml: name its folder like")


def test_a_file_that_may_be_another_pipelines_is_left_in_peace(tmp_path):
    text = "others: {rules: {a: x > 0}}\n"
    assert notes(tmp_path / "1", "named.yml", text, siblings=["crm"]) == ()
    assert notes(tmp_path / "2", "crm.yml", siblings=["crm"]) == ()
    assert notes(tmp_path / "3", "crm/rules.yml", siblings=["crm"]) == ()
    (note,) = notes(tmp_path / "4", "cmr.yml", siblings=["crm"])
    assert "did you mean 'crm'?" in note


BROKEN = "events: {rules: {a: {expect: x > 0, mostyl: 1}}}\n"


@pytest.mark.parametrize(
    "files",
    [
        {"crm.yml": BROKEN},
        {"crm.json": "{"},
        {"crm/rules.yml": "a: &a [x"},
        {"crm.yml": BROKEN, "crm.yaml": BROKEN},
        {"named.yml": BROKEN.replace("events", "others")},
        {"gx.json": '{"table": "others", "expectations": [{"type": "expect_nothing"}]}'},
        {"cmr/rules.yml": BROKEN.replace("events", "others")},
    ],
)
def test_what_is_wrong_with_another_pipelines_file_stops_that_pipeline_alone(tmp_path, files):
    definitions = declared(tmp_path, files, siblings=["crm"])

    (dataset,) = definitions.datasets.values()
    assert dataset.rules == ()
    told = " ".join(definitions.notes)
    assert all(f"expectations/{file}" in told for file in files if "crm/" not in file)


def test_another_pipelines_file_is_not_blamed_for_a_parameter_of_its_own(tmp_path):
    suite = '{"name": "t", "expectations": [{"type": "expect_table_row_count_to_equal", '
    suite += '"kwargs": {"value": {"$PARAMETER": "rows"}}}]}'

    assert declared(tmp_path, {"crm.json": suite}, siblings=["crm"]).notes == ()


@pytest.mark.parametrize(
    "files",
    [
        {"shop.yml": BROKEN},
        {"shop/rules.yml": BROKEN},
        {"named.yml": BROKEN},
        {"nobodys.yml": "events: ["},
        {"gx.json": '{"table": "event", "expectations": [{"type": "expect_nothing"}]}'},
    ],
)
def test_a_broken_file_that_may_be_about_the_pipeline_stops_it(tmp_path, files):
    errors = refused(tmp_path, files, siblings=["crm"])

    assert [each.origin.path for each in errors if each.origin] == [
        f"expectations/{file}" for file in files for _ in errors
    ]


def test_a_broken_file_that_a_dataset_names_stops_its_pipeline_whatever_it_is_called(tmp_path):
    def declare():
        dlt.table(name="events", expectations="crm")(events)

    (error,) = refused(tmp_path, {"crm.yml": BROKEN}, declare, siblings=["crm"])
    assert "mostyl" in error.what


def test_a_file_that_a_dataset_names_is_nobodys_stranger(tmp_path):
    def declare():
        dlt.table(name="events", expectations="shared")(events)

    definitions = declared(tmp_path, {"shared.yml": "events: {rules: {a: x > 0}}\n"}, declare)
    assert definitions.notes == ()


@pytest.mark.parametrize("name", ["shop.toml", "shop.YML"])
def test_a_file_of_a_form_that_nobody_reads_is_refused(tmp_path, name):
    error = refusal(tmp_path, "x", name)
    assert error.what == f"expectations/{name} is of no form that is read"
    assert error.fix is not None
    assert "shop.yml or shop.json" in error.fix
    declared(tmp_path / "2", {"shop.md": "# Rules", "shop.yml~": "", "others.toml": ""})


def test_a_dataset_that_was_refused_makes_no_second_complaint_of_its_suite(tmp_path):
    def declare():
        dlt.table(name="ev ents")(events)

    (error,) = refused(tmp_path, {"shop.yml": "events: {rules: {a: x > 0}}\n"}, declare)
    assert "ev ents" in error.what


def test_a_file_that_is_not_there_or_has_nothing_for_the_dataset_is_refused(tmp_path):
    def naming(name):
        return lambda: dlt.table(name="events", expectations=name)(events) and None

    files = {"shared.yml": "elsewhere: {rules: {b: x > 0}}\n"}
    (error,) = refused(tmp_path, files, naming("share"))
    assert error.fix == "did you mean 'shared'?"
    (error,) = refused(tmp_path, files, naming("shared"))
    assert error.what == "expectations/shared.yml has no expectations for events"


@pytest.mark.parametrize(
    ("text", "says", "fix", "place"),
    [
        ("events: {ruls: {}}\n", "no 'ruls'", "'rules'", (1, 10)),
        ("events: 5\n", "must be a mapping, not '5'", "rules", (1, 9)),
        ("events: {rules: {a: 5}}\n", "a condition is '5'", "SQL", (1, 21)),
        ("events: {rules: {a: }}\n", "expectation 'a': a condition is nothing", "SQL", (1, 21)),
        ("events:\n  rules:\n    plattform:\n", "expectation 'plattform': a", "SQL", (3, 15)),
        (
            "events:\n  rules: {a: x > 0}\nplattform:\n",
            "dataset plattform says nothing",
            "`rules:`",
            (3, 11),
        ),
        ("events:\n", "dataset events says nothing", "`rules:`", (1, 8)),
        ("events:\n  rules:\n", "events: rules says nothing", "take it out", (2, 3)),
        ("events: {columns: {id: }}\n", "column id says nothing", "expectations", (1, 20)),
        ("# events: {rules: {a: x > 0}}\n", "the file says nothing", "datasets", (1, 1)),
        ("", "the file says nothing", "datasets", (1, 1)),
        (
            "events: {rules: {a: {foreign_key: {columns: id}}}}\n",
            "to is None",
            "give 'dataset.column'",
            (1, 35),
        ),
        (
            "events: {rules: {a: {expect: x, tags: {team: x}}}}\n",
            "expectation 'a': tags is {'team': 'x'}",
            "give a list of words",
            (1, 39),
        ),
        ("events: {defaults: {tags: {team: x}}}\n", "defaults: tags is", "words", (1, 27)),
        ("events: {rules: {a: [x]}}\n", "a rule is a list", "expect", (1, 21)),
        ("events: {rules: {a: {mostly: 1}}}\n", "asks nothing", "expect", (1, 21)),
        (
            "events: {rules: {a: {kwargs: {column: id}}}}\n",
            "an expectation has no type",
            "`type: expect_…`",
            (1, 21),
        ),
        (
            "events: {rules: {a: {kwargs: {column: id}, tpye: expect_x}}}\n",
            "a rule has no 'tpye'",
            "'type'",
            (1, 44),
        ),
        ("events: {rules: {a: {expct: x}}}\n", "no 'expct'", "'expect'", (1, 22)),
        ("events: {rules: {a: {expect: x, unique: y}}}\n", "two things", "two rules", (1, 33)),
        ("events: {rules: [{expect: x}]}\n", "no name", "name", (1, 18)),
        ("events: {rules: [x > 0]}\n", "a rule is 'x > 0'", "expect", (1, 18)),
        ("events: {rules: {a: {expect: x, name: b}}}\n", "two names", "name", (1, 33)),
        ("events: {rules: {a: {expect: x, mostly: 2}}}\n", "mostly is 2", "share", (1, 41)),
        ("events: {rules: {a: {expect: x, mostly: yes}}}\n", "mostly is 'yes'", "number", (1, 41)),
        ("events: {rules: {a: {expect: x, on_violation: dorp}}}\n", "'dorp'", "drop", (1, 47)),
        ("events: {rules: {a: {expect: x, ower: b}}}\n", "no 'ower'", "'owner'", (1, 33)),
        ("events: {rules: {a: {unique: id, on_violation: drop}}}\n", "cannot drop", "warn", (1, 1)),
        ("events: {rules: {a: {unique: []}}}\n", "columns is []", "column", (1, 30)),
        ("events: {rules: {a: {fresh: {column: x, within: soon}}}}\n", "'soon'", "hours", (1, 29)),
        ("events: {rules: {a: {fresh: {column: x, wihin: 1}}}}\n", "no 'wihin'", "within", (1, 41)),
        ("events: {defaults: {mostly: 3}}\n", "mostly is 3", "share", (1, 29)),
        ("events: {defaults: {expect: x}}\n", "no 'expect'", "known", (1, 21)),
        (
            "events: {columns: {a: [expect_column_values_to_be_nul]}}\n",
            "no expectation 'expect_column_values_to_be_nul'",
            "'expect_column_values_to_be_null'",
            (1, 24),
        ),
        (
            "events: {columns: {a: [{expect_column_values_to_be_null: {column: b}}]}}\n",
            "names its column twice",
            "column",
            (1, 25),
        ),
    ],
)
def test_what_a_file_cannot_say_is_refused_at_its_place(tmp_path, text, says, fix, place):
    error = refusal(tmp_path, text)

    assert isinstance(error, BadSuite)
    assert says in error.what
    assert fix in (error.fix or "")
    found = error.origin
    assert found is not None
    assert (found.path, found.line) == (PATH, place[0])
    if place != (1, 1):
        assert found.column == place[1]


def test_every_problem_of_a_file_is_told_together(tmp_path):
    text = "events:\n  rules:\n    a: {expect: x, mostly: 2}\n    b: 5\n    c: x > 0\n"
    assert len(refused(tmp_path, {"shop.yml": text})) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("events: !!python/object/apply:os.system [ls]\n", "tag"),
        ("events: {rules: {a: x, a: y}}\n", "stands here twice"),
        ("events: {rules: [}\n", "not YAML"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" + "c: &c [*b, *b]\n" * 2, "twice"),
        ("[1]\n", "must be a mapping, not a list"),
        ("--- 1\n--- 2\n", "second document"),
        ("events: \x07\n", "not allowed in YAML"),
    ],
)
def test_broken_yaml_is_refused_and_nothing_of_it_is_carried_out(tmp_path, text, says):
    error = refusal(tmp_path, text)
    assert isinstance(error, BadYaml | BadSuite)
    assert says in error.what


def test_a_yaml_bomb_is_refused_before_it_grows(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 100,000 values" in refusal(tmp_path, "\n".join(lines)).what


@pytest.mark.parametrize(
    ("text", "says", "place"),
    [
        ('{"events": {"rules": {"a": "x",}}}', "a key in double quotes", (1, 32)),
        ('{"events": {}\n "b": {}}', "',' is missing", (2, 2)),
        ('{"events": NaN}', "a value is missing", (1, 12)),
        ("{'events': {}}", "a key in double quotes", (1, 2)),
        ('{"events": {}} x', "more follows", (1, 16)),
        ('{"events": "\\x"}', "unknown escape", (1, 12)),
        ('{"events": "a\nb"}', "not ended in its line", (1, 12)),
        ('{"events": {"rules": {"a": "x", "a": "y"}}}', "twice, first in line 1", (1, 33)),
        ("[" * 80, "nested deeper than 50", (1, 51)),
        ('{"events": 01}', "',' is missing", (1, 13)),
        ("", "a value is missing", (1, 1)),
        ('// said\n{"events": {}}', "a value is missing", (1, 1)),
    ],
)
def test_broken_json_is_refused_at_its_line(tmp_path, text, says, place):
    error = refusal(tmp_path, text, "shop.json")
    assert isinstance(error, BadSuite)
    assert says in error.what
    assert error.origin == Origin("expectations/shop.json", *place)


def test_json_may_be_indented_by_tabs_and_hold_every_escape(tmp_path):
    text = '\ufeff{\n\t"events":\t{"rules": {"a\\u00e4\\ud83d\\ude00": "x = \'\\/\\n\'"}}\n}\n'
    (rule,) = rules(tmp_path, text, "shop.json")
    assert (rule.name, rule.condition) == ("aä😀", "x = '/\n'")


def test_what_is_no_file_or_no_text_is_refused(tmp_path):
    folder = tmp_path / "expectations" / "shop.yml"
    folder.mkdir(parents=True)
    (error,) = refused(tmp_path, {})
    assert "not a regular file" in error.what

    (tmp_path / "2" / "expectations").mkdir(parents=True)
    (tmp_path / "2" / "expectations" / "shop.json").write_bytes(b'{"\xff": 1}')
    (error,) = refused(tmp_path / "2", {})
    assert error.what == "not UTF-8"


def test_a_dictionary_that_is_none_is_refused_at_the_line_of_its_dataset(tmp_path):
    loop: dict[str, object] = {}
    loop["rules"] = {"a": loop}
    for given in (5, {"rules": {"a": 5}}, {"rules": {1: "x"}}, loop):

        def declare(given=given):
            dlt.table(name="events", expectations=given)(events)

        (error,) = refused(tmp_path, {}, declare)
        assert isinstance(error, BadSuite)
        assert error.origin is not None
        assert error.origin.path.endswith("test_suites_files.py")


WITHOUT = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        assert name.partition(".")[0] != "great_expectations", "it was imported"

sys.meta_path.insert(0, Refusing())
from pathlib import Path
import dlt_lite.cli.app, dlt_lite.cli.commands.run, dlt_lite.cli.commands.report, dlt_lite.update
import dlt_lite.report.files, dlt_lite.quality.great_expectations
from dlt_lite.suites.documents import read_document
found = read_document(Path(sys.argv[1]), Path("/"), {}, print)
print(len(found.suites[0].rules))
"""


def test_great_expectations_is_not_imported_to_read_and_run_rules_that_compile(tmp_path):
    suite = tmp_path / "events.json"
    entry = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}}
    suite.write_text(json.dumps({"expectations": [entry]}), encoding="utf-8")

    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(suite)], capture_output=True, text=True, check=False
    )

    assert (ran.stdout, ran.returncode) == ("1\n", 0), ran.stderr
