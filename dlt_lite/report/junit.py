"""Results → JUnit XML as CI systems read it: a suite for each dataset, a case for each rule.

A rule that is violated but stops nothing is a passed case that says so in its output; a rule that
could not run is an error, one that checked nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dlt_lite.model.results import DatasetQuality, RuleResult, UpdateQuality, Verdict
from dlt_lite.model.rules import RuleAction
from dlt_lite.report.escaping import visible, visible_lines
from dlt_lite.report.row_texts import row_texts
from dlt_lite.report.words import counted, figures, length

_TO_THE_SECOND = 19


def junit_xml(update: UpdateQuality) -> str:
    """Return the document."""
    suites = {each.name: each for each in update.datasets}
    for rule in update.rules:
        suites.setdefault(rule.dataset, DatasetQuality(rule.dataset))
    cases: dict[str, list[Element]] = {name: [] for name in suites}
    for rule, rows in zip(update.rules, row_texts(update.rules), strict=True):
        cases[rule.dataset].append(_case(rule, update.pipeline, rows))
    root = Element("testsuites", name=visible(update.pipeline))
    for place, dataset in enumerate(suites.values()):
        root.append(_suite(place, dataset, cases[dataset.name], update))
    is_told = any(each.error for each in update.datasets)
    if update.error is not None and update.state != "COMPLETED" and not is_told:
        root.append(_update_suite(len(suites), update))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", _time(length(update.started, update.ended)))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(
    place: int, dataset: DatasetQuality, cases: Sequence[Element], update: UpdateQuality
) -> Element:
    suite = Element("testsuite", name=visible(dataset.name), id=str(place))
    suite.set("package", visible(update.pipeline))
    if update.started is not None:
        suite.set("timestamp", visible(update.started[:_TO_THE_SECOND]))
    suite.append(_properties(dataset, update))
    is_told = any(case.find("failure") is not None for case in cases)
    if dataset.state == "FAILED" and not is_told:
        cases = [*cases, _refresh(dataset, update.pipeline)]
    suite.extend(cases)
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    suite.set("time", _time(dataset.seconds))
    return suite


def _update_suite(place: int, update: UpdateQuality) -> Element:
    """Return the suite of an update that failed as a whole, such as of a wrong definition."""
    case = _refresh(DatasetQuality("(update)", error=update.error), update.pipeline)
    counts = {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"}
    suite = Element("testsuite", {"name": "(update)", "id": str(place), **counts})
    suite.set("package", visible(update.pipeline))
    suite.set("time", _time(length(update.started, update.ended)))
    if update.started is not None:
        suite.set("timestamp", visible(update.started[:_TO_THE_SECOND]))
    suite.append(_properties(DatasetQuality("", state=update.state), update))
    suite.append(case)
    return suite


def _properties(dataset: DatasetQuality, update: UpdateQuality) -> Element:
    told: Mapping[str, object] = {
        "update_id": update.update_id,
        "target": update.target,
        "state": dataset.state,
        "version": dataset.version,
        "rows_in": dataset.rows_in,
        "rows_written": dataset.written,
        "rows_dropped": dataset.dropped,
        "rows_quarantined": dataset.quarantined,
    }
    properties = Element("properties")
    for name, value in told.items():
        if value not in {None, ""}:
            SubElement(properties, "property", name=name, value=visible(value))
    return properties


def _case(rule: RuleResult, pipeline: str, rows: Sequence[str]) -> Element:
    name = rule.rule if rule.flow is None else f"{rule.rule} (read by {rule.flow})"
    case = _bare_case(name, pipeline, rule.dataset)
    found = visible(figures(rule))
    story = visible_lines("\n".join([*_story(rule), *_shown(rows)]))
    match rule.verdict:
        case Verdict.FAIL:
            _outcome(case, "failure", "violated", found).text = story
        case Verdict.ERROR:
            _outcome(case, "error", "could not run", found).text = story
        case Verdict.SKIPPED:
            _outcome(case, "skipped", "not checked", found)
        case Verdict.WARN:
            SubElement(case, "system-out").text = f"WARNING: {story}"
        case Verdict.PASS:
            SubElement(case, "system-out").text = "\n".join([found, *_shown(rows)])
    return case


def _refresh(dataset: DatasetQuality, pipeline: str) -> Element:
    """Return the case of a dataset that failed of something else than a rule."""
    case = _bare_case("(the dataset is up to date)", pipeline, dataset.name)
    told = dataset.error or "it failed"
    _outcome(case, "error", "update failed", visible(told.splitlines()[0])).text = visible_lines(
        told
    )
    return case


def _bare_case(name: str, pipeline: str, dataset: str) -> Element:
    return Element(
        "testcase", name=visible(name), classname=visible(f"{pipeline}.{dataset}"), time="0"
    )


def _outcome(case: Element, tag: str, kind: str, message: str) -> Element:
    return SubElement(case, tag, type=kind, message=message)


def _story(rule: RuleResult) -> list[str]:
    then = "" if rule.action is RuleAction.WARN else f", action {rule.action}"
    lines = [
        figures(rule),
        f"severity {rule.severity}{then}",
        f"rule: {rule.condition}" if rule.condition else "",
        f"at: {rule.origin}" if rule.origin else "",
        f"owner: {rule.owner}" if rule.owner else "",
        rule.description or "",
    ]
    return [line for line in lines if line]


def _shown(rows: Sequence[str]) -> list[str]:
    return [f"{counted(len(rows), 'row')} that broke it:", *rows] if rows else []


def _time(seconds: float | None) -> str:
    return f"{max(seconds or 0.0, 0.0):.3f}"
