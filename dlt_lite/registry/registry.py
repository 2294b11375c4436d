"""Where declarations gather while files are loaded: the one mutable object, then `freeze()`.

Decorators record here and hand the function back. Expectations may be stacked above or below the
decorator that declares the dataset, so they are kept by function and joined at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dlt_lite.errors import (
    BadName,
    DltLiteError,
    DuplicateName,
    NothingDeclared,
    OrphanExpectation,
    raise_together,
)
from dlt_lite.model.datasets import (
    Dataset,
    DeclaredAs,
    Definitions,
    Flow,
    Query,
    TableOptions,
)
from dlt_lite.model.names import (
    DatasetName,
    NameProblem,
    Namespace,
    dataset_name,
    split_identifier,
)
from dlt_lite.model.origin import Origin
from dlt_lite.model.rules import NullPolicy, Rule
from dlt_lite.registry.origins import calling_origin


class Registry:
    """What the files of one pipeline have declared so far.

    Args:
        namespace: where the pipeline publishes.
        root: the project's folder.
        target: the target, in which some rules may be switched off.
        null: what it means where a rule's condition is NULL and the rule does not say.
        parameters: the pipeline's parameters, which files of expectations may refer to.
    """

    def __init__(
        self,
        namespace: Namespace,
        root: Path,
        target: str = "",
        null: NullPolicy = NullPolicy.FAIL,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self.namespace = namespace
        self.root = root
        self.parameters = parameters or {}
        self._target = target
        self._null = null
        self._datasets: dict[DatasetName, Dataset] = {}
        self._flows: dict[str, Flow] = {}
        self._functions: dict[DatasetName, Query] = {}
        self._refused: list[Query | None] = []
        self._rules: dict[int, tuple[object, list[Rule]]] = {}
        self._suites: dict[DatasetName, dict[str, Sequence[Rule]]] = {}
        self._target_conf: dict[DatasetName, Mapping[str, str]] = {}
        self._notes: list[str] = []
        self._errors: list[DltLiteError] = []

    def here(self) -> Origin:
        """Return the user's line that is calling."""
        return calling_origin(self.root)

    def refuse(self, error: DltLiteError) -> None:
        """Keep an error, so that all of a pipeline's are reported together, each once."""
        if str(error) not in map(str, self._errors):
            self._errors.append(error)

    @property
    def is_sound(self) -> bool:
        """Whether nothing was refused so far."""
        return not self._errors

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """The names of all datasets so far, as the user wrote them."""
        return tuple(each.shown for each in self._datasets.values())

    def declares(self, name: DatasetName) -> bool:
        """Return whether there is a dataset of a name."""
        return name in self._datasets

    def note(self, text: str) -> None:
        """Keep something worth saying once."""
        if text not in self._notes:
            self._notes.append(text)

    def add_dataset(
        self,
        text: str,
        declared_as: DeclaredAs,
        options: TableOptions,
        *,
        rules: Sequence[Rule] = (),
        function: Query | None = None,
    ) -> DatasetName | None:
        """Record a dataset; return its full name, None where it was refused."""
        origin = self.here()
        name = self._named(text, origin)
        if name is None or self._taken(name, text, origin):
            self._refused.append(function)
            return None
        shown = split_identifier(text)[-1] if name.short(self.namespace) == name.table else text
        self._datasets[name] = Dataset(name, shown, declared_as, options, tuple(rules), origin)
        if function is not None:
            self._functions[name] = function
        return name

    def add_flow(  # noqa: PLR0913 - one keyword for each thing a flow may say
        self,
        name: str,
        target: DatasetName | str,
        query: Query,
        *,
        once: bool = False,
        explicit: bool = False,
        spark_conf: Mapping[str, str] | None = None,
        comment: str | None = None,
    ) -> None:
        """Record a flow."""
        origin = self.here()
        full = self._named(target, origin) if isinstance(target, str) else target
        # Folders are named by a flow, so its name is held to the rules of a dataset's.
        if full is None or self._named(name, origin) is None:
            return
        if (other := self._flows.get(name.lower())) is not None:
            self.refuse(
                DuplicateName(
                    f"two flows are named {name!r}; the first is at {other.origin}",
                    origin=origin,
                    fix="give one of them another name=",
                )
            )
            return
        conf = dict(spark_conf or {})
        self._flows[name.lower()] = Flow(name, full, query, once, explicit, conf, comment, origin)

    def add_target_conf(self, target: DatasetName, conf: Mapping[str, str]) -> None:
        """Record Spark settings of every flow that fills a dataset."""
        self._target_conf[target] = conf

    def add_rules(self, function: object, rules: Sequence[Rule]) -> None:
        """Record expectations on a function; decorators are applied from below, read from above."""
        kept = self._rules.setdefault(id(function), (function, []))
        kept[1][:0] = rules

    def add_suite(self, dataset: DatasetName, source: str, rules: Sequence[Rule]) -> None:
        """Record expectations of a dataset that a file or a dictionary holds.

        Args:
            dataset: the dataset.
            source: where they come from; what comes from there a second time is the same.
            rules: the expectations.
        """
        self._suites.setdefault(dataset, {})[source] = rules

    @property
    def suite_files(self) -> frozenset[str]:
        """Where the expectations of files and dictionaries come from that were attached so far."""
        return frozenset(source for suites in self._suites.values() for source in suites)

    def freeze(self) -> Definitions:
        """Return all that was declared.

        Raises:
            DltLiteError: every refused declaration, together; or nothing was declared.
        """
        datasets = {name: self._with_rules(each) for name, each in self._datasets.items()}
        self._refuse_orphans()
        self._refuse_doubled_rules(datasets)
        if not datasets and not self._errors:
            self.refuse(
                NothingDeclared(
                    "the pipeline's files declare no dataset",
                    fix="decorate a function that returns a DataFrame with @dlt_lite.table",
                )
            )
        raise_together(self._errors)
        flows = tuple(
            replace(flow, spark_conf={**self._target_conf.get(flow.target, {}), **flow.spark_conf})
            for flow in self._flows.values()
        )
        return Definitions(self.namespace, datasets, flows, tuple(self._notes))

    def _named(self, text: str, origin: Origin) -> DatasetName | None:
        try:
            return dataset_name(text, self.namespace)
        except NameProblem as problem:
            fix = "use letters, digits and underscores, with at most two dots between parts"
            self.refuse(BadName(str(problem), origin=origin, fix=fix))
            return None

    def _taken(self, name: DatasetName, text: str, origin: Origin) -> bool:
        other = self._datasets.get(name)
        if other is None:
            return False
        shown = split_identifier(text)[-1]
        in_case = "" if shown == other.shown else f" ({other.shown!r} differs in case only)"
        self.refuse(
            DuplicateName(
                f"dataset {shown!r} is declared twice{in_case}; the first is at {other.origin}",
                origin=origin,
                fix="give one of them another name=",
            )
        )
        return True

    def _with_rules(self, dataset: Dataset) -> Dataset:
        function = self._functions.get(dataset.name)
        found = [rule for each in _unwrapped(function) for rule in self._rules_on(each)]
        kept = [rule for each in self._suites.get(dataset.name, {}).values() for rule in each]
        every = [rule.settled(self._null) for rule in (*dataset.rules, *found, *kept)]
        return replace(
            dataset,
            rules=tuple(rule for rule in every if rule.terms.is_on(self._target)),
            switched_off=tuple(rule for rule in every if not rule.terms.is_on(self._target)),
        )

    def _rules_on(self, function: object) -> list[Rule]:
        return self._rules.get(id(function), (None, []))[1]

    def _refuse_orphans(self) -> None:
        declaring = (*self._functions.values(), *self._refused)
        owned = {id(part) for each in declaring for part in _unwrapped(each)}
        for key, (function, rules) in self._rules.items():
            if key not in owned:
                what = getattr(function, "__name__", "this function")
                self.refuse(
                    OrphanExpectation(
                        f"expectation {rules[0].name!r} is on {what}, which declares no dataset",
                        origin=rules[0].origin,
                        fix="put it on a function with @table, @materialized_view or @view",
                    )
                )

    def _refuse_doubled_rules(self, datasets: Mapping[DatasetName, Dataset]) -> None:
        for dataset in datasets.values():
            seen: dict[str, Rule] = {}
            for rule in dataset.rules:
                first = seen.setdefault(rule.name.lower(), rule)
                if first is not rule:
                    self.refuse(
                        DuplicateName(
                            f"{dataset.shown} has two expectations named {rule.name!r}; "
                            f"the first is at {first.origin}",
                            origin=rule.origin,
                            fix="names of expectations are unique in a dataset: rename one",
                        )
                    )


def _unwrapped(function: Callable[..., object] | None) -> Iterator[object]:
    """Yield a function and what it wraps, as functools.wraps recorded it."""
    each: object = function
    while each is not None:
        yield each
        each = getattr(each, "__wrapped__", None)
