"""What a file system's refusal means: the causes that it gives in, one error of ours out.

Knows neither Spark nor the JVM: causes come as texts, the outermost first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from dlt_lite.errors import DltLiteError, StateDamaged, StorageFailed, StorageNotReached

# By scheme, the Maven artifact whose JAR makes Hadoop know it.
_ARTIFACTS = {
    "s3a": "org.apache.hadoop:hadoop-aws",
    "abfs": "org.apache.hadoop:hadoop-azure",
    "abfss": "org.apache.hadoop:hadoop-azure",
    "wasb": "org.apache.hadoop:hadoop-azure",
    "wasbs": "org.apache.hadoop:hadoop-azure",
    "oss": "org.apache.hadoop:hadoop-aliyun",
    "gs": "com.google.cloud.bigdataoss:gcs-connector",
}
_OTHER_SPELLINGS = {"s3": "s3a", "s3n": "s3a"}
_BRING_JARS = (
    "spark.jars.packages",
    "spark.jars",
    "spark.driver.extraClassPath",
)
_NO_JAR = ("No FileSystem for scheme", "ClassNotFoundException", "NoClassDefFoundError")
_DAMAGED = ("ChecksumException",)
_FULL = ("No space left on device", "Disk quota exceeded")
_REFUSED_HERE = ("Permission denied", "Read-only file system")
# What a store far away says, and what that means.
_FAR: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("UnknownHostException", "UnresolvedAddressException"),
        "its host is not known",
        "correct the address, or the settings of the network",
    ),
    (
        (
            "NoAuthWithAWSException",
            "NoAwsCredentialsException",
            "CredentialInitializationException",
            "Unable to load credentials",
            "Unable to load AWS credentials",
        ),
        "there are no credentials",
        "give them by the environment, or by spark.hadoop.fs.* among the Spark settings",
    ),
    (
        ("AccessDeniedException", "AccessControlException", "403 Forbidden", "Status Code: 403"),
        "access is denied",
        "give the credentials in use the right to list, read and write there",
    ),
)


def refusal(causes: Sequence[str], path: str) -> DltLiteError:
    """Return the error that a file system's exception is reported by.

    Args:
        causes: the exception and its causes, each as `Class: message`, the outermost first.
        path: the file or folder that was asked for.
    """
    told = "\n".join(causes)
    said = causes[-1].strip() if causes else "no reason was given"
    if _any_of(_NO_JAR, told):
        return StorageNotReached(
            f"{path} cannot be reached: Spark has no file system for {_scheme(path)}:",
            fix=jar_advice(path),
        )
    if _any_of(_DAMAGED, told):
        return StateDamaged(
            f"{path} is damaged: it does not have the checksum that lies beside it",
            path=path,
            fix=f"put it back from a backup; if it is right as it is, remove {checksum_file(path)}",
        )
    if _any_of(_FULL, told):
        return StorageFailed(
            f"{path} could not be written, the disk is full: {said}",
            fix="free space, then run again: what was there is as it was",
        )
    for marks, what, fix in _FAR:
        if _any_of(marks, told):
            return StorageNotReached(f"{path} cannot be reached, {what}: {said}", fix=fix)
    if _any_of(_REFUSED_HERE, told):
        return StorageFailed(
            f"{path} cannot be read or written: {said}",
            fix="give the process the right to read and write there",
        )
    return StorageNotReached(
        f"{path} cannot be reached: {said}",
        fix="correct the path, or see to what is named, then run again",
    )


def damaged(path: str, why: str) -> StateDamaged:
    """Return the error that says that a file of ours or of Delta's is not what it must be."""
    fix = "put it back from a backup"
    return StateDamaged(f"{path} is damaged: {why}", path=path, fix=fix)


def jar_advice(path: str) -> str:
    """Say how Spark gets to know the file system of a path."""
    scheme = _scheme(path)
    if other := _OTHER_SPELLINGS.get(scheme):
        return f"write {other}: in place of {scheme}:; {_add(other)}"
    return _add(scheme)


def lacks_jar(root: str, spark: Mapping[str, str], jar_names: Sequence[str]) -> bool:
    """Return whether a root's file system is sure to be missing; when in doubt it is not.

    Args:
        root: a path or URI.
        spark: the Spark settings.
        jar_names: the names of the files among Spark's own JARs.
    """
    scheme = _scheme(root)
    artifact = _ARTIFACTS.get(_OTHER_SPELLINGS.get(scheme, scheme))
    if artifact is None or any(spark.get(key) for key in _BRING_JARS):
        return False
    if spark.get(f"spark.hadoop.fs.{scheme}.impl"):
        return False
    word = artifact.partition(":")[2]
    return not any(name.startswith(word) for name in jar_names)


def checksum_file(path: str) -> str:
    """Return where Hadoop keeps the checksum of a file on a local disk."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.crc"


def _add(scheme: str) -> str:
    artifact = _ARTIFACTS.get(scheme)
    if artifact is None:
        return "correct the scheme, or add the JAR that knows it by spark.jars"
    version = "of Spark's own Hadoop version" if "hadoop:" in artifact else "of a fitting version"
    return (
        f"add {artifact} {version} by spark.jars.packages among the Spark settings, "
        "or by spark.jars with all that it needs"
    )


def _scheme(path: str) -> str:
    return urlsplit(path).scheme or "file"


def _any_of(marks: Sequence[str], text: str) -> bool:
    return any(each in text for each in marks)
