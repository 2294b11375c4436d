"""Rows that are shown of a rule: out of the counting itself, the right columns, nothing masked."""

import json
import os

import pytest

from dlt_lite.errors import QueryRaised
from dlt_lite.model.origin import Origin
from dlt_lite.model.results import Verdict
from dlt_lite.model.rules import Rule, RuleAction
from dlt_lite.model.samples import SampleSettings
from dlt_lite.quality.enforce import counts_of, enforce
from dlt_lite.quality.samples import Sampling
from tests.spark.updates import FILE_STREAM, Shop, result_of, rules, told_in

pytestmark = pytest.mark.spark

PERSON = "ada-7Q@example.org"
VIEW = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
def people():
    return spark.sql("SELECT * FROM VALUES (1), (2) t(id)")

@dlt.temporary_view
@dlt.expect("has a name", "name IS NOT NULL")
def arrived():
    return spark.sql('''
        SELECT *, 'PERSON' AS email, named_struct('token', 'PERSON', 'at', 1) AS login,
               map('TOKEN', 'PERSON', 'kind', 'web') AS headers, array(id) AS parts,
               length('a') AS emails, TIMESTAMP '2031-05-22 23:19:53' AS seen
        FROM VALUES (1, 1, 'a'), (2, 2, NULL), (3, 3, 'c'), (3, 4, 'd'), (5, NULL, 'e')
            t(id, who, name)
    ''')

@dlt.materialized_view
@dlt.expect_unique("ID", name="key")
@dlt.expect_foreign_key("who", to="people.id", name="known")
@dlt.expect("few", "size(parts) > 3", where="who > 1")
@dlt.expect("mail", "email IS NULL AND login.at > 1 AND headers['kind'] = 'app'")
@dlt.expect("nothing", "1 > 2")
@dlt.expect_or_drop("not first", "id > 1")
@dlt.expect_aggregate("max(email) IS NULL AND count(email) = 4", name="told")
@dlt.expect_aggregate("max(login) IS NULL OR max(login.token) = 'x' OR max(login.at) > 5 OR "
    "max(headers['token']) = 'x' OR max(headers['kind']) = 'x' OR max(emails) > 5", name="deep")
@dlt.expect_fresh("seen", within="1 hour", name="fresh")
def gold():
    return spark.table("arrived")
""".replace("PERSON", PERSON)
STREAM = (
    FILE_STREAM
    + """
@dlt.table
@dlt.expect("small", "v < 5")
@dlt.expect_or_fail("no mail", "email IS NULL OR v < 100")
@dlt.expect_or_quarantine("positive", "id > 0")
def bronze():
    return arriving("id BIGINT, v BIGINT, email STRING, login STRUCT<token: STRING>")
"""
)


def a_shop(dlt, tmp_path, text, quality):
    folder = tmp_path / "project/pipelines/shop"
    folder.mkdir(parents=True)
    settings = f"name: shop\nschema: shop\nquality: {quality}\n"
    (folder / "pipeline.yml").write_text(settings, encoding="utf-8")
    return Shop(dlt, tmp_path, text)


def shown(shop):
    """Return what the newest update shows of each rule; `*` is at what the rule is about."""
    return {
        rule.rule: [
            {f"{'*' * cell.offending}{cell.column}": cell.value for cell in sample.cells}
            for sample in rule.samples
        ]
        for rule in shop.under_test.project.quality("shop").rules
    }


def files_that_hold(text, *folders):
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [path for path in files if text.encode() in path.read_bytes()]


def test_a_views_rules_show_the_columns_they_name_and_the_keys_and_nothing_masked(dlt, tmp_path):
    shop = a_shop(dlt, tmp_path, VIEW, "{samples: 2, mask: [Email, token, seen]}")

    result = shop.run()

    gold = result_of(result, "gold")
    assert (gold.error, gold.rows_written, gold.rows_dropped) == (None, 4, 1)
    found = shown(shop)
    assert [sorted(each) for each in found["few"]] == [["*parts", "id", "who"]] * 2
    assert {each["who"] for each in found["few"]} <= {"2", "3", "4"}
    hidden = {"email": "***", "login": '{"token":"***","at":1}'}
    hidden["headers"] = '{"TOKEN":"***","kind":"web"}'
    for row in found["mail"]:
        assert {name: row[f"*{name}"] for name in hidden} == hidden
        assert row["id"] in {"1", "2", "3", "5"}
    assert len(found["mail"]) == len(found["nothing"]) == 2
    assert found["not first"] == [{"*id": "1"}]
    assert found["has a name"] == [{"*name": None}]
    assert found["key"] == [{"*ID": "3"}]
    assert sorted(each["*who"] for each in found["known"]) == ["3", "4"]
    told = {rule.rule: rule.observed for rule in shop.under_test.project.quality("shop").rules}
    assert [told[name] for name in ("told", "deep", "fresh")] == [
        "max(email) = ***, count(email) = 4",
        (
            "max(login) = ***, max(login.`token`) = ***, max(login.`at`) = 1, "
            "max(headers['token']) = ***, max(headers['kind']) = web, max(emails) = 1"
        ),
        "***",
    ]
    assert rules(result, "gold")["mail"] == (0, 5)
    assert rules(result, "gold")["few"] == (0, 3)
    shop.under_test.project.report(tmp_path / "report", "shop")
    state = shop.under_test.settings.state_root
    assert files_that_hold('"who"', state), "the events show samples"
    hidden_files = [files_that_hold(t, state, tmp_path / "report") for t in (PERSON, "2031-05-22")]
    assert hidden_files == [[], []]


def test_a_stream_shows_a_rules_first_rows_of_an_update_and_counts_all(dlt, tmp_path):
    shop = a_shop(dlt, tmp_path, STREAM, "{samples: 3, mask: [email, token]}")
    for place, values in enumerate(((9, 1), (8, 7), (6, 2))):
        rows = [{"id": v - 7, "v": v, "email": PERSON, "login": {"token": PERSON}} for v in values]
        os.utime(shop.land(f"{place}.json", *rows), (place, place))

    result = shop.run()

    bronze = result_of(result, "bronze")
    assert (bronze.error, bronze.rows_written, bronze.rows_quarantined) == (None, 2, 4)
    assert rules(result, "bronze") == {"small": (2, 4), "no mail": (6, 0), "positive": (2, 4)}
    found = shown(shop)
    assert found["no mail"] == []
    assert sorted(each["*v"] for each in found["small"]) == ["7", "8", "9"]
    assert [set(each) for each in found["positive"]] == [{"*id"}] * 3
    [run] = (shop.under_test.settings.state_root / "runs").iterdir()
    batches = [e.record.counts for e in told_in(run) if getattr(e.record, "batch_id", None) == 2]
    assert [len(rule.samples) for rule in batches[0].rules if rule.name == "small"] == [0]
    assert files_that_hold("samples", shop.checkpoint("bronze")) == []


def test_a_row_that_fails_the_job_is_shown_as_the_masks_allow_or_not_at_all(dlt, tmp_path):
    shop = a_shop(dlt, tmp_path, STREAM, "{mask: [email, token]}")
    row = {"id": 1, "v": 100, "email": PERSON, "login": {"token": PERSON}}
    shop.land("a.json", row)

    result = shop.run()

    error = result_of(result, "bronze").error
    assert json.loads(error.split("One is: ")[1].splitlines()[0]) == row | {
        "email": "***",
        "login": {"token": "***"},
    }
    [rule] = [r for r in shop.under_test.project.quality("shop").rules if r.rule == "no mail"]
    assert (rule.verdict, rule.violations, rule.exact) == (Verdict.FAIL, 1, False)
    assert shown(shop)["no mail"] == [{"*v": "100", "*email": "***"}]
    shop.under_test.project.report(tmp_path / "report", "shop")
    folders = (shop.under_test.settings.state_root, tmp_path / "report")
    assert files_that_hold(PERSON, *folders) == []

    refused = shop.under_test.project.run("shop", samples=False)

    assert "No row is shown" in result_of(refused, "bronze").error
    assert set(map(len, shown(shop).values())) == {0}


CASTS = (
    FILE_STREAM
    + """
@dlt.table
def by_the_query():
    return arriving("email STRING").selectExpr("cast(email AS INT) AS n")

@dlt.table
@dlt.expect("number", "cast(email AS DATE) IS NULL")
def by_a_rule():
    return arriving("email STRING")
"""
)


def test_what_spark_says_of_a_value_is_masked_where_anything_is(dlt, tmp_path):
    shop = a_shop(dlt, tmp_path, CASTS, "{mask: [email]}")
    shop.land("a.json", {"email": PERSON})

    result = shop.run()

    errors = [result_of(result, name).error for name in ("by_the_query", "by_a_rule")]
    assert ["The value '***' of the type" in error for error in errors] == [True, True]
    assert "expectation number cannot be decided" in errors[1]
    shop.under_test.project.report(tmp_path / "report", "shop")
    held = files_that_hold(PERSON, shop.under_test.settings.state_root, tmp_path / "report")
    assert {file.name for file in held} <= {"spark.log"}


def test_what_spark_says_of_a_value_is_masked_where_a_function_asks_for_it_itself(dlt, tmp_path):
    text = """
spark = SparkSession.getActiveSession()

@dlt.materialized_view
def of_the_function():
    emails = spark.read.schema("email STRING").json(spark.conf.get("landing"))
    return spark.range(emails.selectExpr("cast(email AS INT) AS n").agg(F.max("n")).first()[0])
"""
    shop = a_shop(dlt, tmp_path, text, "{mask: [email]}")
    shop.land("a.json", {"email": PERSON})

    with pytest.raises(QueryRaised, match=r"The value '\*\*\*' of the type"):
        shop.run()


@pytest.mark.parametrize("most", [0, 5])
@pytest.mark.parametrize("action", list(RuleAction))
def test_what_spark_infers_grows_with_the_rules_and_not_with_their_choices(spark, action, most):
    place = Origin("tables.py", 1)
    rules = [Rule(f"over {n}", action, f"id > {n}", place) for n in range(8)]
    rules.append(Rule("kept", RuleAction.DROP, "id IS NOT NULL", place))
    shown = {rule.name: (("id", True),) for rule in rules} if most else {}
    frame = spark.range(3).selectExpr("IF(id > 1, id, NULL) AS id")

    enforced = enforce(frame, rules, Sampling(SampleSettings(most), shown))

    node = enforced.kept._jdf.queryExecution().optimizedPlan()  # noqa: SLF001 - asks Catalyst
    while node.nodeName() != "CollectMetrics":
        node = node.children().apply(0)
    assert node.constraints().size() < 4 * len(rules)


def test_hundreds_of_rules_of_one_dataset_are_planned(spark):
    place = Origin("tables.py", 1)
    rules = [Rule(f"over {n}", RuleAction.DROP, f"id > {n}", place) for n in range(300)]

    enforced = enforce(spark.range(3), rules, Sampling())

    assert enforced.kept.count() == 0
    assert enforced.observation.get["rows"] == 3


@pytest.mark.parametrize("more", [0, 30])
def test_a_rule_that_one_row_breaks_shows_it_beside_rules_that_most_rows_break(spark, more):
    place = Origin("tables.py", 1)
    conditions = {"odd": "id % 2 = 1", "never": "id < 0", "rare": "id <> 77777", "met": "id >= 0"}
    conditions |= {f"over {n}": f"id > {n}" for n in range(more)}
    rules = [Rule(name, RuleAction.WARN, each, place) for name, each in conditions.items()]
    shown = {rule.name: (("id", True),) for rule in rules}
    frame = spark.range(0, 100_000, numPartitions=4)

    enforced = enforce(frame, rules, Sampling(SampleSettings(3), shown))
    rows = enforced.kept.count()

    counts = counts_of(enforced, rows)
    ids = {
        each.name: sorted(int(sample.cells[0].value) for sample in each.samples)
        for each in counts.rules
    }
    assert [len(ids[name]) for name in ("odd", "never")] == [3, 3]
    assert all(id_ % 2 == 0 for id_ in ids["odd"])
    assert ids["rare"] == [77_777]
    assert ids["met"] == []
    for n in range(more):
        assert len(ids[f"over {n}"]) == min(n + 1, 3)
        assert max(ids[f"over {n}"]) <= n
