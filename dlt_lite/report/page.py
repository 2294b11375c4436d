"""What a page shows → one HTML file that opens from disk: no network, no foreign code, no script.

The templates, the style and the script are files beside this one. Every text is escaped by the
template engine, and the page's own policy lets nothing run but the script that it came with.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from dlt_lite.model.gates import GateResult
from dlt_lite.model.results import UpdateQuality
from dlt_lite.report.appearance import look_word
from dlt_lite.report.dataset_rows import looks_of
from dlt_lite.report.escaping import visible, visible_lines
from dlt_lite.report.lineage import LineageGraph
from dlt_lite.report.picture import Looks, picture
from dlt_lite.report.sparks import HEIGHT, WIDTH
from dlt_lite.report.verdicts import sentence
from dlt_lite.report.view import view_of
from dlt_lite.report.words import amount, counted, moment, percent
from dlt_lite.version import VERSION

_FOLDER = "templates"


@dataclass(frozen=True, slots=True)
class TaskTold:
    """What a page says of a task of a job.

    Attributes:
        does: what it does.
        when: what it waits for.
    """

    does: str
    when: str


def html_report(updates: Sequence[UpdateQuality], gate: GateResult | None = None) -> str:
    """Return the report of an update as a page.

    Args:
        updates: results, newest first, as `past_quality` gives them; the page is about the first,
            the others are its trends and what it is compared with.
        gate: whether the quality gate was met.

    Raises:
        ValueError: there is no update.
    """
    if not updates:
        raise ValueError("a report needs an update")
    return _page("report.html.jinja", {"view": view_of(updates, gate)})


def graph_html(graph: LineageGraph, update: UpdateQuality | None = None) -> str:
    """Return a lineage graph as a page.

    Args:
        graph: the graph.
        update: the results that colour it, where there are any.
    """
    looks = {} if update is None else looks_of(update, {})
    noted = {
        node.name: Looks(counted(node.rules, "rule") if node.rules else "") for node in graph.nodes
    }
    inputs: dict[str, list[str]] = {}
    for read, reader in graph.edges:
        inputs.setdefault(reader, []).append(visible(read))
    values = {
        "graph": graph,
        "picture": picture(graph, {**noted, **looks}),
        "inputs": inputs,
        "looks": looks,
        "sentence": "" if update is None else sentence(update),
        "when": "" if update is None else moment(update.started),
    }
    return _page("graph.html.jinja", values)


def job_html(job: str, graph: LineageGraph, tasks: Mapping[str, TaskTold]) -> str:
    """Return the tasks of a job as a page.

    Args:
        job: the job's name.
        graph: which task waits for which; the kind of a node is what its task does.
        tasks: by key, what is told of a task.
    """
    looks = {node.name: Looks(node.kind) for node in graph.nodes}
    values = {"job": job, "graph": graph, "picture": picture(graph, looks), "tasks": tasks}
    return _page("job.html.jinja", values)


def _page(template: str, values: Mapping[str, object]) -> str:
    style, script = _text("page.css"), _text("page.js")
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash(style)}; script-src {_hash(script)}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    # Both are ours, and neither holds what would end its element.
    own = {"style": Markup(style), "script": Markup(script), "policy": policy}  # noqa: S704
    return _environment().get_template(template).render({**values, **own})


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    environment.filters |= {
        "amount": amount,
        "percent": percent,
        "word": look_word,
        "visible": visible,
        "counted": counted,
        "breakable": _breakable,
    }
    environment.globals |= {
        "version": VERSION,
        "spark_width": WIDTH,
        "spark_height": HEIGHT,
    }
    return environment


def _breakable(name: str) -> Markup:
    """Return a name that a narrow column may break where its words end."""
    return Markup("_<wbr>").join(visible(name).split("_"))


def _finalized(value: object) -> object:
    """Return what is put into a page: text in which every character can be seen."""
    return (
        visible_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value
    )


def _text(name: str) -> str:
    return files("dlt_lite.report").joinpath(_FOLDER, name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
