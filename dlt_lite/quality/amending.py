"""A file of rules and proposed ones → a patch that adds those that the file lacks; text in and out.

Nothing that is there is moved or changed: the new lines stand before the dataset's first rule, or
at the end where the file does not know the dataset.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from dlt_lite.errors import BadSuite
from dlt_lite.model.profiles import TableProfile
from dlt_lite.project.nodes import Mapping, Node, Scalar
from dlt_lite.project.nodes import Sequence as Listed
from dlt_lite.project.yaml_reader import as_mapping, parse_yaml
from dlt_lite.quality.suggesting import INDENT, Proposal, proposal_lines, rules_text


def patch(text: str, path: str, profile: TableProfile, proposed: Sequence[Proposal]) -> str:
    """Return a unified diff that adds to a file the proposed rules that it lacks.

    Args:
        text: the file's text; empty where there is none.
        path: the file's path, as the diff names it.
        profile: what the table holds.
        proposed: the rules.

    Returns:
        The diff; empty where the file lacks none.

    Raises:
        BadYaml: the file is no YAML.
        BadSuite: it says the dataset's rules in a shape that lines cannot be added to.
    """
    lines = difflib.unified_diff(
        text.splitlines(keepends=True),
        _amended(text, path, profile, proposed).splitlines(keepends=True),
        f"a/{path}" if text else "/dev/null",
        f"b/{path}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline\n" for line in lines)


def _amended(text: str, path: str, profile: TableProfile, proposed: Sequence[Proposal]) -> str:
    tree = as_mapping(parse_yaml(text.encode(), path=path))
    dataset = _below(tree, profile.dataset)
    if dataset is None:
        whole = rules_text(profile, proposed)
        return f"{text.rstrip(chr(10))}\n\n{whole}" if text else whole
    rules = _below(dataset, "rules")
    if not isinstance(rules, Mapping) or not rules.entries:
        raise _unfit(dataset)
    first, begins = rules.entries[0].key.origin, text.splitlines(keepends=True)
    indent = " " * (first.column - 1)
    if begins[first.line - 1][: first.column - 1] != indent:
        raise _unfit(rules)
    names, texts = {entry.key.text for entry in rules.entries}, set(_texts(rules))
    lacking = [
        each
        for each in proposed
        if each.name not in names and str(each.asks.get("expect")) not in texts
    ]
    new = [
        f"{indent}{line.removeprefix(INDENT)}\n"
        for each in lacking
        for line in proposal_lines(each)
    ]
    return "".join((*begins[: first.line - 1], *new, *begins[first.line - 1 :]))


def _below(node: Node, key: str) -> Node | None:
    entries = node.entries if isinstance(node, Mapping) else ()
    return next((each.value for each in entries if each.key.text == key), None)


def _texts(node: Node) -> Iterator[str]:
    """Yield every value that stands somewhere below a node."""
    match node:
        case Scalar(text=text):
            yield text
        case Listed(items=items):
            for each in items:
                yield from _texts(each)
        case Mapping(entries=entries):
            for entry in entries:
                yield from _texts(entry.value)


def _unfit(node: Node) -> BadSuite:
    what = "rules cannot be added to a dataset that does not say `rules:` with a line for each"
    fix = "write a line for each rule, by its name; or print the proposal without --diff"
    return BadSuite(what, origin=node.origin, fix=fix)
