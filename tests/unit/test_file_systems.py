"""What a file system's refusal means, from the causes that it gives."""

import pytest

from dlt_lite.engine.file_systems import checksum_file, lacks_jar, refusal
from dlt_lite.errors import StateDamaged, StorageFailed, StorageNotReached

CLASS = "org.apache.hadoop.fs.s3a.S3AFileSystem"


@pytest.mark.parametrize(
    ("path", "causes", "kind", "says"),
    [
        (
            "s3a://b/x",
            (
                f"RuntimeException: java.lang.ClassNotFoundException: Class {CLASS} not found",
                f"ClassNotFoundException: Class {CLASS} not found",
            ),
            StorageNotReached,
            ("no file system for s3a:", "add org.apache.hadoop:hadoop-aws", "spark.jars.packages"),
        ),
        (
            "s3://b/x",
            ('UnsupportedFileSystemException: No FileSystem for scheme "s3"',),
            StorageNotReached,
            ("write s3a: in place of s3:",),
        ),
        (
            "s4://b/x",
            ('UnsupportedFileSystemException: No FileSystem for scheme "s4"',),
            StorageNotReached,
            ("correct the scheme",),
        ),
        (
            "hdfs://nowhere/x",
            ("IllegalArgumentException: java.net.Unk…", "UnknownHostException: nowhere"),
            StorageNotReached,
            ("its host is not known: UnknownHostException: nowhere",),
        ),
        (
            "s3a://b/x",
            ("NoAuthWithAWSException: none", "SdkClientException: Unable to load credentials"),
            StorageNotReached,
            ("there are no credentials", "by the environment"),
        ),
        (
            "s3a://b/x",
            ("AccessDeniedException: s3a://b/x: 403", "S3Exception: Status Code: 403"),
            StorageNotReached,
            ("access is denied", "the right to list, read and write"),
        ),
        (
            "/data/x",
            ("FileNotFoundException: /data/x (Permission denied)",),
            StorageFailed,
            ("/data/x cannot be read or written", "give the process the right"),
        ),
        (
            "/data/x",
            ("FSError: java.io.IOException", "IOException: No space left on device"),
            StorageFailed,
            ("the disk is full",),
        ),
        (
            "/ck/offsets/0",
            ("ChecksumException: Checksum error: /ck/offsets/0 at 0",),
            StateDamaged,
            ("/ck/offsets/0 is damaged", "backup", "remove /ck/offsets/.0.crc"),
        ),
        (
            "hdfs://there/x",
            ("ConnectException: Connection refused",),
            StorageNotReached,
            ("hdfs://there/x cannot be reached: ConnectException: Connection refused",),
        ),
    ],
)
def test_a_refusal_says_what_failed_and_the_way_out(path, causes, kind, says):
    error = refusal(causes, path)

    assert type(error) is kind
    assert all(each in str(error) for each in says)
    assert "\n" not in error.what


def test_only_what_no_jar_brings_is_sure_to_be_missing():
    jars = ["hadoop-client-api-3.5.0.jar"]

    assert lacks_jar("s3a://b/x", {}, jars)
    assert lacks_jar("s3://b/x", {}, jars)
    assert not lacks_jar("s3a://b/x", {}, [*jars, "hadoop-aws-3.5.0.jar"])
    assert not lacks_jar("s3a://b/x", {"spark.hadoop.fs.s3a.impl": "my.Own"}, jars)
    assert not lacks_jar("hdfs://name/x", {}, jars)
    assert not lacks_jar("/local/x", {}, jars)


def test_the_checksum_lies_beside_its_file():
    assert checksum_file("/a/b/0") == "/a/b/.0.crc"
