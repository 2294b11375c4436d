"""What a commit says of itself: written as text, read again as the same record."""

import json

import pytest

from dlt_lite.model.rules import RuleAction
from dlt_lite.model.state import CommitRecord, CommitRule, InputVersion, commit_record

RULES = (
    CommitRule("low", RuleAction.QUARANTINE, True, "v < 3", 'city = "Köln"'),
    CommitRule("column", RuleAction.DROP, False, digest="d1"),
)


@pytest.mark.parametrize("rules", [None, (), RULES])
def test_a_record_is_read_as_it_was_written(rules):
    read = (InputVersion("shop.orders", "t1", 3), InputVersion("/landing", digest="d2"))
    record = CommitRecord("batch", "shop", "shop.x", "u1", "x", "d1", read, 1, 7, rules)

    assert commit_record(record.text()) == record


def test_an_older_record_says_nothing_of_rules():
    plain = json.loads(CommitRecord("batch", "shop", "shop.x", "u1", rules=RULES).text())
    del plain["dlt_lite"]["rules"]

    found = commit_record(json.dumps(plain))

    assert found is not None
    assert found.rules is None
