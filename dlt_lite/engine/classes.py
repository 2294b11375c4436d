"""Java classes and what is static in them, looked up once a JVM: each look-up is a round trip."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

_KNOWN = "_dlt_lite_classes"


def java_class(session: SparkSession, name: str) -> Any:
    """Return a Java class by its full name."""
    known = _known(session)
    if name not in known:
        jvm: Any = session._jvm
        known[name] = getattr(jvm, name)
    return known[name]


def java_static(session: SparkSession, name: str, member: str) -> Any:
    """Return a static method or field of a Java class."""
    known = _known(session)
    key = f"{name}#{member}"
    if key not in known:
        known[key] = getattr(java_class(session, name), member)
    return known[key]


def scala_object(session: SparkSession, name: str) -> Any:
    """Return a Scala object by its full name."""
    return java_static(session, f"{name}$", "MODULE$")


def _known(session: SparkSession) -> dict[str, Any]:
    """Return what was looked up in this JVM; it goes with the gateway."""
    gateway: Any = session.sparkContext._gateway
    found: dict[str, Any] = gateway.__dict__.setdefault(_KNOWN, {})
    return found
