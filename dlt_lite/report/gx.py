"""An update's results → results of Great Expectations' own classes, made of our counts.

Nothing is scanned again: an expectation of rows is given the counts that its metrics would have
had, and judges them itself. What is no expectation of theirs becomes `unexpected_rows_expectation`.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlt_lite.model.checks import RuleKind
from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict
from dlt_lite.model.rules import NullPolicy
from dlt_lite.report.escaping import visible_lines
from dlt_lite.suites.great_expectations import expectation, module, quietly
from dlt_lite.suites.kinds import KINDS, Way
from dlt_lite.suites.literals import with_an_end

SQL_TYPE = "unexpected_rows_expectation"
_RUNTIME = {
    "result_format": {
        "result_format": "SUMMARY",
        "partial_unexpected_count": 20,
        "include_unexpected_rows": False,
    }
}
_QUANTILES = "expect_column_quantile_values_to_be_between"
_NOT_DECIDED = {Verdict.ERROR, Verdict.SKIPPED}
_COUNTED = {Way.ROW, Way.UNIQUE}
# What their pages escape themselves, and what they do not show but have to understand.
_LEFT_AS_IT_IS = {"exception_message", "row_condition"}


def gx_results(update: UpdateQuality) -> Mapping[str, Any]:
    """Return an `ExpectationSuiteValidationResult` for each dataset that has rules.

    One that was up to date or not selected has none: nothing is said of it, good or bad.
    A rule that could not run, or has checked nothing, is no success: its result is that of an
    expectation which raised an exception, with the reason. Beside rules that did check rows, one
    that had nothing to check has no result: Great Expectations knows none of that kind.

    Args:
        update: the results of an update.
    """
    left_alone = {each.name for each in update.datasets if _was_left_alone(each)}
    named = dict.fromkeys(each.dataset for each in update.rules)
    datasets = [name for name in named if name not in left_alone]
    with quietly():
        return {name: _suite_result(update, name) for name in datasets}


def _was_left_alone(dataset: DatasetQuality) -> bool:
    return dataset.action == "skip" or dataset.state == "EXCLUDED"


def gx_json(result: Any) -> str:  # noqa: ANN401 - of their class
    """Return a result as the JSON that Great Expectations itself writes."""
    with quietly():
        return json.dumps(result.to_json_dict(), indent=1, ensure_ascii=False) + "\n"


def write_data_docs(folder: Path, update: UpdateQuality) -> Path:
    """Let Great Expectations build its site of pages from the results of an update.

    Its pages fetch their looks from the network, as they do everywhere. They take most texts for
    HTML, so texts are escaped before it has them.

    Args:
        folder: where to, made where it is missing.
        update: the results.

    Returns:
        The page to begin with.
    """
    results = gx_results(update)
    identifiers = module("data_context.types.resource_identifiers")
    with tempfile.TemporaryDirectory() as place, quietly():
        context = module().get_context(mode="file", project_root_dir=place)
        context.variables.progress_bars = {"globally": False}
        for dataset, result in results.items():
            _make_text(result)
            run = result.meta["run_id"]
            identifier = identifiers.ValidationResultIdentifier(
                identifiers.ExpectationSuiteIdentifier(dataset), run, dataset
            )
            context.validation_results_store.set(identifier, result)
        context.build_data_docs()
        site = Path(place) / "gx" / "uncommitted" / "data_docs" / "local_site"
        shutil.copytree(site, folder, dirs_exist_ok=True)
    return folder / "index.html"


def _make_text(result: Any) -> None:  # noqa: ANN401 - of their class
    """Change all texts of a suite's result so that a page shows them and obeys none."""
    result.meta = _as_text(result.meta)
    for each in result.results:
        config = each.expectation_config
        config.kwargs = _as_text(config.kwargs)
        config.meta = _as_text(config.meta)
        config.description = _as_text(config.description)
        for part in ("result", "exception_info", "meta"):
            setattr(each, part, _as_text(getattr(each, part)))


def _as_text(value: object) -> Any:  # noqa: ANN401 - as it was, only its texts are not
    match value:
        case str():
            return html.escape(visible_lines(value), quote=False)
        case Mapping():
            return {
                _as_text(name): each if name in _LEFT_AS_IT_IS else _as_text(each)
                for name, each in value.items()
            }
        case list() | tuple():
            return [_as_text(each) for each in value]
        case _:
            return value


def _suite_result(update: UpdateQuality, dataset: str) -> Any:  # noqa: ANN401 - of their class
    own = [each for each in update.rules if each.dataset == dataset]
    ran = [each for each in own if not _has_checked_nothing(each)]
    # A suite without any result would be a success there.
    results = [_result(each, version=update.update_id) for each in ran or own]
    good = sum(bool(each.success) for each in results)
    core = module("core.expectation_validation_result")
    statistics = {
        "evaluated_expectations": len(results),
        "successful_expectations": good,
        "unsuccessful_expectations": len(results) - good,
        "success_percent": 100 * good / len(results) if results else None,
    }
    return core.ExpectationSuiteValidationResult(
        success=good == len(results),
        results=results,
        suite_name=dataset,
        statistics=statistics,
        meta=_meta(update, dataset, own),
    )


def _meta(update: UpdateQuality, dataset: str, own: Sequence[RuleResult]) -> dict[str, Any]:
    return {
        "great_expectations_version": module().__version__,
        "run_id": {"run_name": update.update_id, "run_time": update.started or update.ended},
        "batch_kwargs": {"data_asset_name": dataset},
        "active_batch_definition": {
            "datasource_name": update.pipeline,
            "data_connector_name": "dlt_lite",
            "data_asset_name": dataset,
            "batch_identifiers": {"update_id": update.update_id},
        },
        "dlt_lite": {
            "pipeline": update.pipeline,
            "target": update.target,
            "not_run": [each.rule for each in own if _has_checked_nothing(each)],
        },
    }


def _has_checked_nothing(rule: RuleResult) -> bool:
    """Return whether a rule was not run, or had no rows; these are no pass, as they are there."""
    return rule.verdict is Verdict.SKIPPED


def _result(rule: RuleResult, *, version: str) -> Any:  # noqa: ANN401 - of their class
    about = {
        "severity": str(rule.severity),
        "description": rule.description or rule.rule,
        "meta": {"dlt_lite": {**_about(rule), "update_id": version}},
    }
    type_, kwargs = _named(rule)
    try:
        own = expectation(type_, kwargs, **about)
    except ValueError:
        # An argument that is sound here, and that its version does not take.
        type_, kwargs = SQL_TYPE, {"unexpected_rows_query": _query(rule)}
        own = expectation(type_, kwargs, **about)
    kind = KINDS[type_]
    if rule.verdict in _NOT_DECIDED or rule.violations is None:
        return _raised(own, rule)
    if rule.by_row and (kind.way in _COUNTED or type_ == SQL_TYPE):
        found = _judged_by_them(own, rule)
    else:
        found = _written(own, _observed(type_, kwargs, rule))
    # A threshold of ours, such as max_failures, is unknown there.
    found.success = rule.verdict is Verdict.PASS
    return found


def _observed(type_: str, kwargs: Mapping[str, Any], rule: RuleResult) -> dict[str, Any]:
    """Return what was found, in the shape in which their pages look for it."""
    if type_ != _QUANTILES:
        return {"observed_value": rule.observed}
    quantiles = kwargs["quantile_ranges"]["quantiles"]
    values = [None] * len(quantiles)
    details = {"observed": rule.observed}
    return {"observed_value": {"quantiles": quantiles, "values": values}, "details": details}


def _named(rule: RuleResult) -> tuple[str, dict[str, Any]]:
    """Return what a rule is called there, and its arguments."""
    if rule.expectation is not None:
        told = json.loads(rule.expectation)
        return told["type"], told["kwargs"]
    return SQL_TYPE, {"unexpected_rows_query": _query(rule)}


def _query(rule: RuleResult) -> str:
    """Return a query for the rows that break a rule; of a rule beyond rows one for readers."""
    condition = (rule.condition or "").strip()
    if rule.kind is not RuleKind.ROW:
        told = re.sub(r"\s+", " ", f"-- that breaks: {condition}")
    else:
        null = "TRUE" if rule.null_policy is NullPolicy.PASS else "FALSE"
        about = "" if rule.where is None else f"({with_an_end(rule.where)}) AND "
        told = f"WHERE {about}NOT coalesce({with_an_end(condition)}, {null})"
    # There braces stand for parameters.
    return " ".join(("SELECT * FROM {batch}", told.replace("{", "{{").replace("}", "}}")))


def _about(rule: RuleResult) -> dict[str, Any]:
    told = {
        "rule": rule.rule,
        "condition": rule.condition,
        "on_violation": str(rule.action),
        "verdict": str(rule.verdict),
        "reason": rule.reason,
        "origin": None if rule.origin is None else str(rule.origin),
        "owner": rule.owner,
        "tags": list(rule.tags),
        "rows": rule.evaluated,
        "violations": rule.violations,
        "dropped": rule.dropped,
        "quarantined": rule.quarantined,
        "exact": rule.exact,
        "version": rule.version,
    }
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _judged_by_them(own: Any, rule: RuleResult) -> Any:  # noqa: ANN401 - of their classes
    """Return the result that an expectation makes of its metrics, which are our counts."""
    wanted = own.get_validation_dependencies(
        execution_engine=None, runtime_configuration=_RUNTIME
    ).metric_configurations
    metrics = {each.id: _metric(name, rule) for name, each in wanted.items()}
    # Of `not_be_null` the rows that break it are those that others leave aside.
    broken = wanted.get(f"{getattr(own, 'map_metric', None)}.unexpected_count")
    if broken is not None:
        metrics[broken.id] = rule.violations
    return own.metrics_validate(metrics=metrics, runtime_configuration=_RUNTIME)


def _metric(name: str, rule: RuleResult) -> object:
    rows, missing = rule.evaluated or 0, rule.undecided
    if rule.kind is not RuleKind.ROW:
        # A key's rows that are left out were not looked at.
        missing = rule.null_results or 0
        rows += missing
    if name == "table.row_count":
        return rows
    if name == "column_values.nonnull.unexpected_count":
        return missing
    if name.endswith(".filtered_row_count"):
        return rows - missing
    if name.endswith((".unexpected_count", ".row_count")):
        return rule.violations
    if name.endswith((".unexpected_values", ".table")):
        return list(_sampled(rule, whole=name.endswith(".table")))
    return None


def _sampled(rule: RuleResult, *, whole: bool) -> Iterator[object]:
    for sample in rule.samples:
        cells = {cell.column: cell.value for cell in sample.cells}
        offending = [cell.value for cell in sample.cells if cell.offending]
        if whole:
            yield cells
        elif offending:
            yield offending[0] if len(offending) == 1 else cells


def _written(own: Any, result: dict[str, Any]) -> Any:  # noqa: ANN401 - of their classes
    core = module("core.expectation_validation_result")
    return core.ExpectationValidationResult(
        success=True,
        expectation_config=own.configuration,
        result=result,
        meta={},
        exception_info={
            "raised_exception": False,
            "exception_traceback": None,
            "exception_message": None,
        },
    )


def _raised(own: Any, rule: RuleResult) -> Any:  # noqa: ANN401 - of their classes
    found = _written(own, {})
    found.success = False
    reason = rule.reason or "it could not be run"
    found.exception_info = {
        "raised_exception": True,
        # Their pages show it as text, so there must be one.
        "exception_traceback": reason,
        "exception_message": reason,
    }
    return found
