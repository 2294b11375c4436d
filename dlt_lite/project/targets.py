"""Which targets there are, which one is meant, and whether two of them would meet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import combinations
from pathlib import Path

from dlt_lite.errors import ConfigProblem, SharedTarget, UnknownTarget
from dlt_lite.model.origin import Origin
from dlt_lite.project.layers import Given, Layer
from dlt_lite.project.paths import same_place
from dlt_lite.project.suggestions import did_you_mean, shown
from dlt_lite.project.variables import substitute

_PLACE = ("storage_root", "catalog", "schema")


def check_known(target: Given, known: Iterable[str]) -> None:
    """Refuse a target that nobody defines.

    Raises:
        UnknownTarget: the target is not among those known.
    """
    name = target.text or ""
    if (problem := _unknown(name, target.origin, known)) is not None:
        raise problem


def unknown_in(named: Mapping[str, Origin], known: Collection[str]) -> Iterator[UnknownTarget]:
    """Yield the targets that a pipeline's file names and nobody defines.

    Args:
        named: by target, where the file names it.
        known: the targets that there are.
    """
    for name, origin in named.items():
        if (problem := _unknown(name, origin, known)) is not None:
            yield problem


def check_apart(layers: Mapping[str, Layer], *, root: Path, environ: Mapping[str, str]) -> None:
    """Refuse targets of a pipeline that would share tables, checkpoints or locks.

    Args:
        layers: by target, what holds for the pipeline there.
        root: the project's folder.
        environ: the environment; references to variables it lacks stay as they are, since the
            target that needs them is not the one that was chosen.

    Raises:
        SharedTarget: two targets have one storage root, catalog and schema.
    """
    places = {target: _place(layer, root, environ) for target, layer in layers.items()}
    for one, other in combinations(sorted(places), 2):
        if places[one] == places[other]:
            storage, _, schema = places[one]
            raise SharedTarget(
                f"the targets {one} and {other} would write the same tables: "
                f"storage root {storage}, schema {schema}",
                origin=_blamed(layers[one], layers[other]),
                fix="give one of them a storage_root (or schema) of its own in `targets`",
            )


def _unknown(name: str, origin: Origin, known: Iterable[str]) -> UnknownTarget | None:
    names = sorted(known)
    if name in names:
        return None
    fix = did_you_mean(name, names)
    if origin.line:
        fix = f"{fix} (a new one is named below `targets` of the project's file)"
    return UnknownTarget(f"no target is called {shown(name)}", origin=origin, fix=fix)


def _place(layer: Layer, root: Path, environ: Mapping[str, str]) -> tuple[str, str, str]:
    storage, catalog, schema = (_text(layer[key], environ) for key in _PLACE)
    return same_place(storage, root=root), catalog.lower(), schema.lower()


def _text(given: Given, environ: Mapping[str, str]) -> str:
    text = given.text or ""
    if not given.literal:
        with suppress(ConfigProblem):
            return substitute(text, environ=environ, origin=given.origin)
    return text


def _blamed(one: Layer, other: Layer) -> Origin | None:
    origins = (layer["storage_root"].origin for layer in (other, one))
    return next((origin for origin in origins if origin.line), None)
