"""What lies on disk, as values: a table, what its last commit says, what its sources show.

The envelope rides in every commit that an update makes (Delta's userMetadata), so that data and
state cannot disagree. It carries a format number: a newer one is refused, an older one migrated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dlt_lite.errors import StateDamaged, StateProblem
from dlt_lite.model.datasets import TableOptions
from dlt_lite.model.rules import RuleAction
from dlt_lite.model.schema import Path, Schema, comments, required

FORMAT = 1
_KEY = "dlt_lite"


@dataclass(frozen=True, slots=True)
class InputVersion:
    """What a refresh read of one input.

    Attributes:
        name: the input's full name, or its path.
        table_id: the id of its Delta table; None for files.
        version: the version of its Delta table; None for files.
        digest: a hash of the listing of its files; None for a table.
    """

    name: str
    table_id: str | None = None
    version: int | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class CommitRule:
    """What a commit keeps of a rule that it was made by.

    Attributes:
        name: the rule's name.
        action: what happened to a row that broke it.
        null_passes: what it meant where the condition was NULL.
        condition: its condition as SQL; None where it has no such text.
        where: which rows it was about, as SQL; None for all.
        digest: of a rule without text: a hash of what it is made of.
    """

    name: str
    action: RuleAction
    null_passes: bool
    condition: str | None = None
    where: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """What dlt_lite says of its own commit, in the commit.

    Attributes:
        purpose: `replace`, `batch`, `create`, `columns`, `reset`, `properties`, `replay` or
            `clear`.
        pipeline: the pipeline's name.
        dataset: the dataset's full name.
        flow: the flow's name, None where the commit is the whole table's.
        update_id: the update.
        definition: the hash of the flow's definition.
        inputs: what was read.
        generation: the generation of the flow's checkpoint.
        batch: the batch of a stream.
        rules: of a batch: the rules of rows by which some were set aside; empty where none could
            be, None where nobody says.
    """

    purpose: str
    pipeline: str
    dataset: str
    update_id: str
    flow: str | None = None
    definition: str | None = None
    inputs: tuple[InputVersion, ...] = ()
    generation: int | None = None
    batch: int | None = None
    rules: tuple[CommitRule, ...] | None = None

    def text(self) -> str:
        """Return the record as the text of a commit's userMetadata."""
        plain = {
            "format": FORMAT,
            "purpose": self.purpose,
            "pipeline": self.pipeline,
            "dataset": self.dataset,
            "update_id": self.update_id,
            "flow": self.flow,
            "definition": self.definition,
            "inputs": [
                {"name": i.name, "id": i.table_id, "version": i.version, "digest": i.digest}
                for i in self.inputs
            ],
            "generation": self.generation,
            "batch": self.batch,
        }
        if self.rules is not None:
            plain["rules"] = [asdict(each) for each in self.rules]
        return json.dumps({_KEY: plain}, sort_keys=True)


class NewerFormat(ValueError):
    """State was written by a newer version; the text says by which format."""


def commit_record(text: str | None) -> CommitRecord | None:
    """Return what a commit's userMetadata says, None where it is not ours.

    Raises:
        NewerFormat: a newer dlt_lite wrote it.
    """
    try:
        plain = json.loads(text or "null")
    except ValueError:
        return None
    if not isinstance(plain, dict) or not isinstance(plain.get(_KEY), dict):
        return None
    return _record(plain[_KEY])


def _record(plain: Mapping[str, Any]) -> CommitRecord:
    if plain["format"] > FORMAT:
        message = f"format {plain['format']}; this version knows {FORMAT}"
        raise NewerFormat(message)
    inputs = tuple(
        InputVersion(each["name"], each["id"], each["version"], each["digest"])
        for each in plain["inputs"]
    )
    return CommitRecord(
        plain["purpose"],
        plain["pipeline"],
        plain["dataset"],
        plain["update_id"],
        plain["flow"],
        plain["definition"],
        inputs,
        plain["generation"],
        plain["batch"],
        _rules(plain.get("rules")),
    )


def _rules(plain: Iterable[Mapping[str, Any]] | None) -> tuple[CommitRule, ...] | None:
    if plain is None:
        return None
    return tuple(CommitRule(**{**each, "action": RuleAction(each["action"])}) for each in plain)


@dataclass(frozen=True, slots=True)
class TableState:
    """A dataset's table as it lies on disk.

    Attributes:
        path: where it lies.
        version: its version.
        table_id: its id.
        schema: its columns.
        partition_cols: its partition columns.
        clustering: its clustering columns.
        properties: its properties.
        comment: its comment.
        owner: the pipeline that made it, None where nobody of ours did.
        kind: what it was made as, None where nobody of ours made it.
        transactions: the last version of each application id.
        last: our own latest commit that wrote rows or reset the table, None where none is known.
        last_version: the version of that commit.
        touched: what others did to its rows since then, in words.
        overwritten: whether one of them overwrote, replaced or restored it.
        counted: whether the counts of that commit are recorded.
    """

    path: str
    version: int
    table_id: str
    schema: Schema
    partition_cols: tuple[str, ...]
    clustering: tuple[str, ...]
    properties: Mapping[str, str]
    comment: str | None
    owner: str | None
    kind: str | None
    transactions: Mapping[str, int]
    last: CommitRecord | None
    last_version: int | None
    touched: tuple[str, ...]
    overwritten: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """What differs between a table's metadata and the code.

    Attributes:
        set: properties to set; `comment` is the table's comment.
        unset: properties to remove.
        cluster_by: the clustering columns to have, None where they are right.
        comments: columns, by their path, and the comment each shall have.
        nullable: columns, by their path, that may hold NULL from now on.
    """

    set: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] | None = None
    comments: Mapping[Path, str] = field(default_factory=dict)
    nullable: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything differs."""
        properties = self.set or self.unset or self.cluster_by is not None
        return bool(properties or self.comments or self.nullable)


MANAGED = "dlt_lite.properties"


def managed(options: TableOptions) -> dict[str, str]:
    """Return the property that remembers which properties came from code."""
    names = sorted(options.table_properties)
    return {MANAGED: json.dumps(names)} if names else {}


def metadata_change(options: TableOptions, schema: Schema, table: TableState) -> MetadataChange:
    """Return what of a table's metadata is not as the code says.

    Args:
        options: what the code says of the table.
        schema: the columns that it shall have; `schema=` alone says their comments.
        table: what is there.
    """
    wanted = {**options.table_properties, **managed(options)}
    if options.comment:
        wanted["comment"] = options.comment
    has = dict(table.properties) | ({"comment": table.comment} if table.comment else {})
    changed = {key: value for key, value in wanted.items() if has.get(key) != value}
    old = [*json.loads(table.properties.get(MANAGED, "[]")), MANAGED, "comment"]
    removed = tuple(key for key in old if key in has and key not in wanted)
    same_clustering = [each.lower() for each in options.cluster_by] == [
        each.lower() for each in table.clustering
    ]
    return MetadataChange(
        changed,
        removed,
        None if same_clustering else options.cluster_by,
        {} if options.schema is None else _new_comments(schema, table.schema),
        _now_nullable(schema, table.schema),
    )


def _new_comments(wanted: Schema, has: Schema) -> dict[Path, str]:
    old = comments(has)
    return {
        old[path][0]: text
        for path, (_, text) in comments(wanted).items()
        if path in old and old[path][1] != text
    }


def _now_nullable(wanted: Schema, has: Schema) -> tuple[Path, ...]:
    """Return what may hold NULL by the code and may not by the table; Delta cannot go back."""
    known, stay = comments(wanted), required(wanted)
    return tuple(path for key, path in required(has).items() if key in known and key not in stay)


@dataclass(frozen=True, slots=True)
class FlowSituation:
    """What a streaming flow would meet.

    Attributes:
        generation: the generation of its checkpoint.
        started: whether the checkpoint holds a batch.
        committed: whether the table holds a batch of this generation.
        owner_id: the id of the table that the checkpoint was made for, None where unknown.
        news: what its sources show that is new, in words; empty where nothing is.
        lost: files that were read and are no longer there.
        rewritten: tables of its sources that lost or changed rows which it has read, in words.
        replaced: tables of its sources that are others now, in words.
        done: for a flow that runs once: whether it has run.
        damage: what is wrong with a file of its checkpoint, None where all can be read.
    """

    generation: int = 0
    started: bool = False
    committed: bool = False
    owner_id: str | None = None
    news: tuple[str, ...] = ()
    lost: int = 0
    rewritten: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    done: bool = False
    damage: StateDamaged | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What an update meets of one dataset.

    Attributes:
        table: its table, None where there is none.
        changes: what has changed in what it read last, in words.
        flows: by flow, for a streaming table.
        inputs: the versions of what it reads, by name as shown.
        trouble: why its table, or what it reads, cannot be looked at; None where it can.
    """

    table: TableState | None
    changes: tuple[str, ...] = ()
    flows: Mapping[str, FlowSituation] = field(default_factory=dict)
    inputs: Mapping[str, int | None] = field(default_factory=dict)
    trouble: StateProblem | None = None
