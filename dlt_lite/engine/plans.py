"""Facts of an analysed query: what it reads, what it is made of, whether its answer can change.

Only here is a plan's structure read through the JVM. Others get values.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from py4j.protocol import Py4JError
from pyspark.serializers import CloudPickleSerializer
from pyspark.sql import DataFrame

from dlt_lite.engine.clocks import days_by_name
from dlt_lite.engine.files import normal_uri
from dlt_lite.engine.functions import function_facts

_PYTHON = re.compile(r"Python|Pandas|Arrow|PySpark")
_PYTHON_CALLS = frozenset({"PythonUDF", "PythonUDAF", "PythonUDTF"})
_FOREIGN_CODE = frozenset({"ScalaUDF", "ScalaUDAF", "ScalaAggregator", "HiveSimpleUDF"})
_CONTEXT = frozenset(
    {
        "CurrentTimestamp",
        "CurrentDate",
        "CurrentTime",
        "Now",
        "LocalTimestamp",
        "CurrentUser",
        "SessionUser",
        "CurrentDatabase",
        "CurrentCatalog",
        "InputFileName",
    }
)
_ALL_FIELDS = 1_000_000
_NUMBERS = re.compile(
    r"(?P<before>#|\b(?:CTERelationDef|CTERelationRef|UnionLoop|UnionLoopRef) )\d+"
)
_IDENTITIES = re.compile(r"@[0-9a-f]+\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_LEAVES_BY_NAME = frozenset({"OneRowRelation", "Range", "CTERelationRef", "UnionLoopRef"})
_DROPPED_KEYS = frozenset({"jvmId", "resultId", "nonInheritableMetadataKeys", "metadata", "desc"})
_NUMBERED = {
    "CTERelationDef": frozenset({"id"}),
    "CTERelationRef": frozenset({"cteId"}),
    "UnionLoop": frozenset({"id"}),
    "UnionLoopRef": frozenset({"loopId"}),
    "EventTimeWatermark": frozenset({"nodeId"}),
}


class LeafKind(StrEnum):
    """What a leaf of a plan is."""

    CONSTANT = "constant"
    FILES = "files"
    DELTA = "delta"
    FILE_STREAM = "file_stream"
    DELTA_STREAM = "delta_stream"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of a query.

    Attributes:
        kind: what it is.
        paths: where its files or its table lie, as URIs.
        detail: all else that makes it what it is, as canonical text.
    """

    kind: LeafKind
    paths: tuple[str, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """What the planner must know of a query.

    Attributes:
        leaves: what it reads, in the plan's order.
        text: the plan as canonical text, equal in two processes; None where it has none.
        python: whether it holds Python code.
        watermark: whether a stream of it has work without new data once its watermark has moved.
        timers: whether it keeps state with a function, whose timers may be due at any time.
        changing: why its answer may change although its inputs do not; empty where it cannot.
    """

    leaves: tuple[Leaf, ...]
    text: str | None
    python: bool
    watermark: bool
    timers: bool
    changing: tuple[str, ...]


def qualified_name(frame: DataFrame) -> tuple[str, ...]:
    """Return the name by which a frame's columns may be qualified, in lower case; () for none."""
    plan = frame._jdf.queryExecution().analyzed()
    if plan.nodeName() != "SubqueryAlias":
        return ()
    identifier = plan.identifier()
    return tuple(part.lower() for part in (*_sequence(identifier.qualifier()), identifier.name()))


def query_facts(frame: DataFrame) -> QueryFacts:
    """Return the facts of a frame's analysed plan."""
    plan = frame._jdf.queryExecution().analyzed()
    # The plan and those of its subqueries. Each question to the JVM is a round trip.
    plans = [plan, *_sequence(plan.subqueriesAll())]
    leaves = tuple(_leaf(each) for each in _leaves(plans))
    nodes = _nodes(plan)
    if nodes is None:
        return QueryFacts(leaves, None, True, True, True, ("its plan cannot be read",))
    classes = {str(node["class"]).rsplit(".", 1)[-1].rstrip("$") for node in _walk(nodes)}
    python = any(_PYTHON.search(name) for name in classes)
    watermark = any("Watermark" in name for name in classes)
    timers = any("WithState" in name for name in classes)
    changing = _changing(plans, classes, leaves)
    changing += [f"it says {word!r}" for word in sorted(days_by_name(nodes))]
    functions: list[str] = []
    if python:
        functions, asked = _python_facts(plans)
        changing += asked
    of_leaves = (f"{leaf.kind} {leaf.detail}" for leaf in leaves)
    text = "\n".join((_canonical(nodes), *of_leaves, _shown(plan), *functions))
    return QueryFacts(leaves, text, python, watermark, timers, tuple(changing))


def streaming_sources(frame: DataFrame) -> tuple[Leaf, ...]:
    """Return the streaming leaves of a frame in the order in which offsets are recorded."""
    plan = frame._jdf.queryExecution().analyzed()
    plans = [plan, *_sequence(plan.subqueriesAll())]
    return tuple(_leaf(each) for each in _leaves(plans) if each.isStreaming())


def digest(*texts: str) -> str:
    """Return one hash of several texts."""
    whole = hashlib.sha256()
    for text in texts:
        whole.update(f"{len(text)}:".encode())
        whole.update(text.encode())
    return whole.hexdigest()


def columns_of(frame: DataFrame) -> str:
    """Return a frame's schema as Spark's JSON."""
    return frame.schema.json()


def reader_options(reader: object) -> str:
    """Return the options that user code gave a reader, as canonical text; empty for none."""
    java_reader = getattr(reader, "_jreader", None)
    if java_reader is None:
        return ""
    try:
        options = java_reader.extraOptions()
        return "" if options.isEmpty() else _map_text(options)
    except Py4JError:
        return ""


def _leaves(plans: Sequence[Any]) -> list[Any]:
    return [leaf for plan in plans for leaf in _sequence(plan.collectLeaves())]


def _sequence(items: Any) -> list[Any]:
    return [items.apply(index) for index in range(items.size())]


def _leaf(node: Any) -> Leaf:
    name = str(node.nodeName())
    try:
        if name == "LogicalRelation":
            return _relation_leaf(node.relation())
        if name == "StreamingRelation":
            return _stream_leaf(node.dataSource())
        if name == "LocalRelation":
            return Leaf(LeafKind.CONSTANT, (), str(node.data()))
        if name in _LEAVES_BY_NAME:
            return Leaf(LeafKind.CONSTANT, (), node.simpleString(1000) if name == "Range" else "")
    except Py4JError:
        return Leaf(LeafKind.UNKNOWN, (), name)
    return Leaf(LeafKind.UNKNOWN, (), name)


def _relation_leaf(relation: Any) -> Leaf:
    if relation.getClass().getSimpleName() != "HadoopFsRelation" and not hasattr(
        relation, "location"
    ):
        return Leaf(LeafKind.UNKNOWN, (), relation.getClass().getSimpleName())
    location = relation.location()
    paths = tuple(sorted(str(path.toUri()) for path in _sequence(location.rootPaths())))
    detail = f"{paths} {relation.fileFormat()} {_map_text(relation.options())}"
    index = location.getClass().getSimpleName()
    if "Tahoe" in index or "Delta" in index:
        # A version that was asked for stands in no option.
        past = location.isTimeTravelQuery()
        asked = f" version {location.getSnapshot().version()}" if past else ""
        return Leaf(LeafKind.DELTA, paths, f"{paths} {_map_text(relation.options())}{asked}")
    return Leaf(LeafKind.FILES, paths, detail)


def _stream_leaf(source: Any) -> Leaf:
    name = str(source.className()).lower()
    options = _map_text(source.options())
    paths = tuple(_sequence(source.paths()))
    own = source.options().get("path")
    if own.isDefined():
        paths = (*paths, own.get())
    detail = f"{name} {paths} {options}"
    if "delta" in name:
        return Leaf(LeafKind.DELTA_STREAM, paths, detail)
    known = name.rsplit(".", 1)[-1] in {"json", "csv", "parquet", "text", "orc", "avro", "xml"}
    return Leaf(LeafKind.FILE_STREAM if known and paths else LeafKind.UNKNOWN, paths, detail)


def _map_text(options: Any) -> str:
    return str(sorted(f"{pair._1()}={pair._2()}" for pair in _sequence(options.toSeq())))


def _nodes(plan: Any) -> list[Any] | None:
    try:
        return json.loads(plan.toJSON())  # type: ignore[no-any-return]
    except (Py4JError, ValueError):
        return None


def _walk(value: Any) -> list[dict[str, Any]]:
    """Return every node and expression of a plan's JSON."""
    found: list[dict[str, Any]] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "class" in each:
                found.append(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return found


def _canonical(nodes: list[Any]) -> str:
    """Return a plan's JSON without what differs between two processes."""
    numbers: dict[object, int] = {}

    def number(key: object) -> int:
        return numbers.setdefault(key, len(numbers))

    def numbered(node: dict[str, Any]) -> frozenset[str]:
        return _NUMBERED.get(str(node.get("class", "")).rsplit(".", 1)[-1], frozenset())

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(each) for each in value]
        if not isinstance(value, dict):
            return value
        if str(value.get("product-class", "")).endswith("ExprId"):
            return number(("column", value["id"]))
        if _is_source(value):
            return {"class": value["class"], "output": plain(value.get("output"))}
        return {
            key: number(("cte", each)) if key in numbered(value) else plain(each)
            for key, each in value.items()
            if key not in _DROPPED_KEYS
        }

    return json.dumps(plain(nodes), sort_keys=True)


def _shown(plan: Any) -> str:
    """Return a plan as Spark shows it, without what differs between two processes.

    It holds what the JSON leaves out: options of functions, values of a pivot, projections of an
    unpivot, whether a cast may fail.
    """
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"{found['before']}{numbers.setdefault(found[0], len(numbers))}"

    text = str(plan.treeString(False, False, _ALL_FIELDS, False, False))
    return _NUMBERS.sub(number, _IDENTITIES.sub("", text))


def _python_facts(plans: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Return what a plan's Python functions are made of, and why they may answer otherwise."""
    texts: list[str] = []
    changing: list[str] = []
    for command in _commands(plans):
        try:
            facts = function_facts(_unpickled(command))
        except Exception as error:  # noqa: BLE001 - whatever the user's classes do when unpickled
            first = str(error).partition("\n")[0]
            changing.append(f"its Python code cannot be compared ({first})")
        else:
            texts.append(facts.text)
            changing += facts.changing
    return texts, list(dict.fromkeys(changing))


def _unpickled(command: bytes) -> object:
    return CloudPickleSerializer().loads(command)  # type: ignore[no-untyped-call]


def _commands(plans: Sequence[Any]) -> Iterator[bytes]:
    """Yield the pickled functions that plans hold."""
    waiting = [(plan, True) for plan in reversed(plans)]
    while waiting:
        node, is_plan = waiting.pop()
        if is_plan:
            waiting += [(each, False) for each in reversed(_sequence(node.expressions()))]
        elif node.getClass().getSimpleName() in _PYTHON_CALLS:
            yield bytes(node.func().command().unsafeArray())
        waiting += [(each, is_plan) for each in reversed(_sequence(node.children()))]


def _is_source(value: dict[str, Any]) -> bool:
    return str(value.get("class", "")).endswith(
        (".LogicalRelation", ".StreamingRelation", ".LocalRelation", ".LogicalRDD")
    )


def _changing(plans: Sequence[Any], classes: set[str], leaves: tuple[Leaf, ...]) -> list[str]:
    why = [f"it uses {name}" for name in sorted(classes & _CONTEXT)]
    why += [f"it runs code of a JAR ({name})" for name in sorted(classes & _FOREIGN_CODE)]
    if not all(plan.deterministic() for plan in plans):
        why.append("it is not deterministic")
    if "Sample" in classes:
        why.append("it takes a sample")
    for leaf in leaves:
        if leaf.kind is LeafKind.UNKNOWN:
            why.append(f"its source {leaf.detail} cannot be compared")
    return why


def uri_of(path: str) -> str:
    """Return a path as the URI that plans show, to compare with a leaf's."""
    return normal_uri(path if ":" in path.split("/", 1)[0] else f"file:{path}")
