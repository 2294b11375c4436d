"""The rules that a batch was committed by, when a crash has parted it from its quarantine.

What the commit kept out is set aside by these, whatever today's rules say. The commit keeps their
text; a rule without one, a Column or a call of the user's function, is known again by what it is
made of.
"""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame

from dlt_lite.engine.empties import empty_frame
from dlt_lite.engine.expressions import condition_column, condition_facts
from dlt_lite.engine.plans import columns_of, digest, query_facts
from dlt_lite.errors import AsideUndecided
from dlt_lite.graph.graph import ResolvedDataset, ResolvedFlow
from dlt_lite.model.datasets import Dataset
from dlt_lite.model.rules import NullPolicy, Rule, RuleAction, Terms
from dlt_lite.model.state import CommitRecord, CommitRule


def rules_kept(frame: DataFrame, dataset: Dataset) -> tuple[CommitRule, ...]:
    """Return what the commits of a stream keep of the rules; nothing where no rule sets aside.

    Args:
        frame: a frame of the columns that the rules are about.
        dataset: the dataset.
    """
    rules = dataset.row_rules
    if not dataset.sets_aside:
        return ()
    none = _without_rows(frame)
    has_code = query_facts(_judging(none, *rules)).python
    return tuple(_kept(none, rule, may_have_code=has_code) for rule in rules)


def rules_then(
    record: CommitRecord | None, resolved: ResolvedDataset, flow: ResolvedFlow, frame: DataFrame
) -> tuple[Rule, ...]:
    """Return the rules that a batch was committed by.

    Args:
        record: what the commit says of itself; None where it is gone from the table's log.
        resolved: the dataset.
        flow: its flow.
        frame: the batch.

    Returns:
        Today's rules where nothing has changed, or nobody says that it has. Rules that neither
        kept rows aside nor can be known again are left out.

    Raises:
        AsideUndecided: one of these kept rows aside.
    """
    today = resolved.dataset.row_rules
    if record is None or record.rules is None or record.definition == flow.definition:
        return today
    if not record.rules:
        return tuple(map(_only_warning, today))
    none = _without_rows(frame)
    then = {each.name: _rule_then(each, resolved.dataset, none) for each in record.rules}
    lost = [
        each.name
        for each in record.rules
        if each.action is RuleAction.QUARANTINE and then[each.name] is None
    ]
    if lost:
        shown = resolved.dataset.shown
        raise AsideUndecided(
            f"{shown}: batch {record.batch} was committed before a crash, and the rows that it "
            f"kept out by {', '.join(lost)} are not set aside yet; that rule, or a column that it "
            "names, is another one now",
            origin=flow.flow.origin,
            fix=f"put it back as it was and run once, then change it; or --full-refresh {shown}",
        )
    return tuple(rule for rule in then.values() if rule is not None)


def _kept(none: DataFrame, rule: Rule, *, may_have_code: bool) -> CommitRule:
    terms = rule.terms
    passes = terms.null is NullPolicy.PASS
    is_text = all(isinstance(each, str) for each in _conditions(rule))
    if is_text and not (may_have_code and query_facts(_judging(none, rule)).python):
        where = None if terms.where is None else str(terms.where)
        return CommitRule(rule.name, rule.action, passes, str(rule.condition), where)
    return CommitRule(rule.name, rule.action, passes, digest=_digest(none, rule))


def _rule_then(kept: CommitRule, dataset: Dataset, none: DataFrame) -> Rule | None:
    """Return a rule as it was; None where it cannot be known, or judge such rows, any more."""
    today = next((rule for rule in dataset.row_rules if rule.name == kept.name), None)
    null = NullPolicy.PASS if kept.null_passes else NullPolicy.FAIL
    if kept.condition is not None:
        origin = dataset.origin if today is None else today.origin
        terms = Terms(null=null, where=kept.where)
        rule = Rule(kept.name, kept.action, kept.condition, origin, terms)
        can_judge = (condition_facts(none, each).problem is None for each in _conditions(rule))
        return rule if all(can_judge) else None
    if today is None or kept.digest is None or _digest(none, today) != kept.digest:
        return None
    return replace(today, action=kept.action, terms=replace(today.terms, null=null))


def _only_warning(rule: Rule) -> Rule:
    """Return a rule that came after the commit: what it would set aside is in the table."""
    sets_aside = rule.action is RuleAction.QUARANTINE
    return replace(rule, action=RuleAction.WARN) if sets_aside else rule


def _digest(none: DataFrame, rule: Rule) -> str | None:
    """Return a hash of what a rule is made of, None where nobody can tell."""
    text = query_facts(_judging(none, rule)).text
    return None if text is None else digest(text)


def _judging(none: DataFrame, *rules: Rule) -> DataFrame:
    conditions = [each for rule in rules for each in _conditions(rule)]
    return none.select(
        *(condition_column(each).alias(f"_r{n}") for n, each in enumerate(conditions))
    )


def _conditions(rule: Rule) -> tuple[object, ...]:
    where = rule.terms.where
    return (rule.condition,) if where is None else (rule.condition, where)


def _without_rows(frame: DataFrame) -> DataFrame:
    return empty_frame(frame.sparkSession, columns_of(frame), streaming=False)
