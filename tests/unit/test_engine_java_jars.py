"""Java and JARs are found, checked and explained without Spark and without a network."""

import sys
from pathlib import Path

import pytest

from dlt_lite.engine import archive as archives
from dlt_lite.engine import jars as jars_module
from dlt_lite.engine.archive import (
    Archive,
    archive_for,
    archive_options,
    archive_state,
    make_archive_in_background,
    quoted,
)
from dlt_lite.engine.doctor import check
from dlt_lite.engine.jars import (
    JARS,
    Jar,
    check_pair,
    delta_jars,
    inspect_folder,
    jar_folder,
)
from dlt_lite.engine.java import Java, find_java
from dlt_lite.errors import JarsDamaged, JarsMissing, NoJava, VersionMismatch, WrongJava
from dlt_lite.model.settings import EngineSettings

CONTENTS = {jar.file_name: jar.artifact.encode() for jar in JARS}


def a_java(folder, says, code=0):
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\ncat <<'END' >&2\n{says}\nEND\nexit {code}\n")
    program.chmod(0o755)
    return folder


def settings(cache, jars_dir=None, **spark):
    return EngineSettings(
        app_name="test",
        master=None,
        spark=spark,
        ansi=True,
        jars_dir=jars_dir,
        cache_dir=cache,
        class_archive=False,
    )


@pytest.fixture
def small_jars(monkeypatch):
    """The five names with contents that a test can write."""
    known = tuple(
        Jar(jar.artifact, len(CONTENTS[jar.file_name]), sha256_of(CONTENTS[jar.file_name]))
        for jar in JARS
    )
    monkeypatch.setattr(jars_module, "JARS", known)


def sha256_of(content):
    return jars_module.hashlib.sha256(content).hexdigest()


def fill(folder, *, leaving_out=()):
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        if name not in leaving_out:
            (folder / name).write_bytes(content)
    return folder


def a_java_that_plays_ivy(folder, *, contents):
    """Stand in for the JVM that runs Ivy: it writes these files where `-retrieve` says."""
    program = folder / "java"
    lines = "\n".join(f"(out / {name!r}).write_bytes({data!r})" for name, data in contents.items())
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "out = pathlib.Path(sys.argv[sys.argv.index('-retrieve') + 1]).parent\n"
        "print('module not found: io.delta#delta-storage')\n"
        f"print(sys.argv[1:])\nif {bool(contents)}:\n    out.mkdir()\n"
        + "".join(f"{line}\n" for line in lines.splitlines())
    )
    program.chmod(0o755)
    return Java(None, program, 17, "test")


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx=1\nopenjdk version "21.0.2"', 21),
    ],
)
def test_java_home_is_taken_before_path(tmp_path, says, version):
    home = a_java(tmp_path / "home", says)
    a_java(tmp_path / "other", 'openjdk version "19"')

    java = find_java({"JAVA_HOME": str(home), "PATH": f"{tmp_path}/other/bin:/usr/bin:/bin"})

    assert (java.home, java.version, java.text) == (home, version, says)


def test_without_java_home_the_java_on_path_is_taken(tmp_path):
    folder = a_java(tmp_path / "jdk", 'openjdk version "21.0.1"')

    java = find_java({"PATH": f"{folder}/bin:/usr/bin:/bin"})

    assert (java.home, java.executable) == (None, folder / "bin" / "java")


def test_no_java_names_the_packages_and_java_home(tmp_path):
    with pytest.raises(NoJava) as caught:
        find_java({"PATH": str(tmp_path)})

    assert "apt-get install openjdk-17-jre-headless" in caught.value.fix
    assert "dnf install java-17-openjdk-headless" in caught.value.fix
    assert "brew install openjdk@17" in caught.value.fix
    assert "JAVA_HOME" in caught.value.fix


def test_a_java_home_without_java_is_named(tmp_path):
    with pytest.raises(NoJava, match=f"JAVA_HOME is {tmp_path}"):
        find_java({"JAVA_HOME": str(tmp_path)})


def test_a_java_that_only_complains_counts_as_none(tmp_path):
    home = a_java(tmp_path / "stub", "Unable to locate a Java Runtime.", code=1)

    with pytest.raises(NoJava, match="Unable to locate"):
        find_java({"JAVA_HOME": str(home), "PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize(
    ("says", "version"), [('java version "1.8.0_412"', 8), ('openjdk version "11.0.2"', 11)]
)
def test_an_old_java_is_refused_by_its_version(tmp_path, says, version):
    home = a_java(tmp_path / "old", says)

    with pytest.raises(WrongJava, match=f"is Java {version}"):
        find_java({"JAVA_HOME": str(home), "PATH": "/usr/bin:/bin"})


@pytest.mark.usefixtures("small_jars")
def test_a_full_jars_dir_is_used_and_nothing_is_fetched(tmp_path):
    folder = fill(tmp_path / "jars")
    notes = []

    paths = delta_jars(
        settings(tmp_path / "cache", folder), Java(None, Path("none"), 17, ""), notes.append
    )

    assert {path.name for path in paths} == set(CONTENTS)
    assert notes == []
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("small_jars")
def test_a_jars_dir_that_lacks_a_file_names_it_and_the_way_out(tmp_path):
    gone = JARS[1].file_name
    folder = fill(tmp_path / "jars", leaving_out=[gone])

    with pytest.raises(JarsMissing) as caught:
        delta_jars(settings(tmp_path, folder), Java(None, Path("none"), 17, ""), print)

    assert caught.value.what == f"{folder} lacks {gone}."
    assert "put this file of Maven's group io.delta" in caught.value.fix
    assert [jar.file_name for jar in JARS if jar.file_name in caught.value.fix] == [gone]
    assert "spark.jars.ivySettings" in caught.value.fix


@pytest.mark.usefixtures("small_jars")
def test_a_damaged_file_is_named_with_its_right_checksum(tmp_path):
    folder = fill(tmp_path / "jars")
    bad = JARS[2].file_name
    (folder / bad).write_bytes(b"x" * len(CONTENTS[bad]))

    with pytest.raises(JarsDamaged, match=bad) as caught:
        delta_jars(settings(tmp_path, folder), Java(None, Path("none"), 17, ""), print)

    assert sha256_of(CONTENTS[bad]) in caught.value.fix


@pytest.mark.usefixtures("small_jars")
def test_the_first_start_fetches_once_and_the_second_not(tmp_path):
    java = a_java_that_plays_ivy(tmp_path, contents=CONTENTS)
    here = settings(tmp_path / "cache")
    notes = []

    first = delta_jars(here, java, notes.append)
    java.executable.unlink()
    second = delta_jars(here, java, notes.append)

    assert first == second
    assert len(notes) == 1
    assert [path.name for path in (tmp_path / "cache" / "jars").iterdir()] == ["4.4.0"]


@pytest.mark.usefixtures("small_jars")
def test_a_cached_file_that_changed_is_found_out(tmp_path):
    java = a_java_that_plays_ivy(tmp_path, contents=CONTENTS)
    here = settings(tmp_path / "cache")
    paths = delta_jars(here, java, lambda _note: None)
    paths[0].write_bytes(b"other")

    with pytest.raises(JarsDamaged, match="fetched anew"):
        delta_jars(here, java, lambda _note: None)


@pytest.mark.usefixtures("small_jars")
def test_a_cached_file_that_was_only_touched_is_still_right(tmp_path):
    java = a_java_that_plays_ivy(tmp_path, contents=CONTENTS)
    here = settings(tmp_path / "cache")
    paths = delta_jars(here, java, lambda _note: None)
    paths[0].write_bytes(paths[0].read_bytes())

    assert delta_jars(here, java, lambda _note: None) == paths


@pytest.mark.usefixtures("small_jars")
def test_a_failed_fetch_shows_what_ivy_said_and_leaves_nothing(tmp_path):
    java = a_java_that_plays_ivy(tmp_path, contents={})

    with pytest.raises(JarsMissing, match="module not found") as caught:
        delta_jars(settings(tmp_path / "cache"), java, lambda _note: None)

    assert "DLT_LITE_JARS_DIR" in caught.value.fix
    assert list((tmp_path / "cache" / "jars").iterdir()) == []


@pytest.mark.usefixtures("small_jars")
def test_a_repository_that_serves_other_files_is_not_believed(tmp_path):
    java = a_java_that_plays_ivy(tmp_path, contents={**CONTENTS, JARS[0].file_name: b"other"})

    with pytest.raises(JarsDamaged, match=JARS[0].file_name):
        delta_jars(settings(tmp_path / "cache"), java, lambda _note: None)

    assert list((tmp_path / "cache" / "jars").iterdir()) == []


@pytest.mark.usefixtures("small_jars")
def test_ivy_gets_the_users_mirror_and_proxy(tmp_path):
    java = a_java_that_plays_ivy(tmp_path, contents={})
    here = settings(
        tmp_path / "cache",
        **{"spark.jars.ivySettings": "/mirror.xml", "spark.jars.ivy": "/ivy"},
    )
    environ = {"https_proxy": "http://127.0.0.1:3128", "no_proxy": "localhost,.test"}

    with pytest.raises(JarsMissing) as caught:
        delta_jars(here, java, lambda _note: None, environ=environ)

    assert "'-settings', '/mirror.xml', '-cache', '/ivy/cache'" in caught.value.what
    assert "'-Dhttps.proxyHost=127.0.0.1', '-Dhttps.proxyPort=3128'" in caught.value.what
    assert "'-Dhttp.nonProxyHosts=localhost|*.test'" in caught.value.what


def test_the_five_jars_have_one_version_and_full_checksums():
    assert len({jar.file_name for jar in JARS}) == 5
    assert all(jar.file_name.endswith("-4.4.0.jar") for jar in JARS)
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in JARS)


@pytest.mark.parametrize("pyspark", ["4.2.0", "4.2.1"])
def test_the_tested_pair_is_accepted(pyspark):
    check_pair(pyspark, "4.4.0", {})


@pytest.mark.parametrize(
    ("pyspark", "delta"), [("4.1.1", "4.4.0"), ("4.2.0", "4.0.0"), (None, "4.4.0"), ("4.2.0", None)]
)
def test_another_pair_is_refused_with_the_command_that_helps(pyspark, delta):
    with pytest.raises(VersionMismatch) as caught:
        check_pair(pyspark, delta, {})

    assert "pip install pyspark==4.2.0 delta-spark==4.4.0" in caught.value.fix


def test_a_foreign_spark_home_is_refused(tmp_path):
    with pytest.raises(VersionMismatch, match="SPARK_HOME"):
        check_pair("4.2.0", "4.4.0", {"SPARK_HOME": str(tmp_path)})


def test_doctor_answers_every_question_and_writes_nothing(tmp_path):
    home = a_java(tmp_path / "jdk", 'openjdk version "25.0.1"')
    before = sorted(tmp_path.rglob("*"))
    environ = {"JAVA_HOME": str(home), "PATH": "/usr/bin:/bin"}

    checks = check(
        settings(tmp_path / "cache", **{"spark.jars.packages": "org.apache.hadoop:hadoop-aws:3"}),
        environ,
        storage_root="s3a://bucket/x",
        state_root=tmp_path / "new" / "state",
    )

    by_name = {each.name: each for each in checks}
    assert all(each.ok for each in checks)
    assert "only 17 and 21 are tested" in by_name["Java"].remedy
    assert "not fetched yet" in by_name["Delta's JARs"].detail
    assert "checked when a run uses it" in by_name["Write access to the storage root"].detail
    assert str(tmp_path) in by_name["Write access to the state root"].detail
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("small_jars")
def test_doctor_says_what_is_wrong_and_the_remedy(tmp_path):
    here = settings(tmp_path, fill(tmp_path / "jars", leaving_out=[JARS[0].file_name]))
    (tmp_path / "file").write_text("not a folder")
    environ = {"PATH": str(tmp_path), "PYSPARK_PYTHON": "/no/python"}

    checks = check(here, environ, storage_root=str(tmp_path / "file" / "x"), state_root=tmp_path)

    failed = {each.name: each for each in checks if not each.ok}
    assert set(failed) == {
        "Java",
        "Python of the workers",
        "Delta's JARs",
        "Write access to the storage root",
    }
    assert all(each.remedy for each in failed.values())


@pytest.mark.usefixtures("small_jars")
def test_doctor_finds_a_damaged_jar(tmp_path):
    here = settings(tmp_path)
    folder = fill(jar_folder(here))
    (folder / JARS[0].file_name).write_bytes(b"other")

    assert inspect_folder(folder).damaged == (JARS[0].file_name,)


@pytest.mark.usefixtures("small_jars")
def test_doctor_says_of_jars_what_a_run_says(tmp_path):
    bad, folder = JARS[2].file_name, fill(tmp_path / "jars")
    (folder / bad).write_bytes(b"x" * len(CONTENTS[bad]))
    here = settings(tmp_path, folder)

    with pytest.raises(JarsDamaged) as caught:
        delta_jars(here, Java(None, Path("none"), 17, ""), print)
    checks = check(here, {"PATH": ""}, storage_root=str(tmp_path), state_root=tmp_path)

    told = next(each for each in checks if each.name == "Delta's JARs")
    assert (told.ok, told.detail, told.remedy) == (False, caught.value.what, caught.value.fix)


def test_doctor_knows_a_storage_that_no_jar_can_reach(tmp_path):
    spark = tmp_path / "spark"
    (spark / "jars").mkdir(parents=True)
    (spark / "jars" / "hadoop-client-api-3.5.0.jar").touch()

    def told(root, **conf):
        checks = check(
            settings(tmp_path, **conf),
            {"PATH": "", "SPARK_HOME": str(spark)},
            storage_root=root,
            state_root=tmp_path,
        )
        return next(each for each in checks if each.name == "Write access to the storage root")

    without, mounted = told("s3a://bucket/x"), told("hdfs://name/x")
    with_jar = told("s3a://bucket/x", **{"spark.jars": "/opt/hadoop-aws-3.5.0.jar"})

    assert not without.ok
    assert "org.apache.hadoop:hadoop-aws" in without.remedy
    assert mounted.ok
    assert with_jar.ok


def an_archive(tmp_path, *, java="openjdk 17", environ=None, **conf):
    return archive_for(tmp_path, Java(None, Path("java"), 17, java), conf, environ=environ or {})


def test_an_archive_is_another_one_for_another_java_class_path_or_option(tmp_path):
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"1")
    path = {"spark.driver.extraClassPath": str(jar)}
    first = an_archive(tmp_path, **path)
    others = [
        an_archive(tmp_path, java="openjdk 17.0.99", **path),
        an_archive(tmp_path, **path, **{"spark.driver.extraJavaOptions": "-XX:+UseSerialGC"}),
        an_archive(tmp_path, **path, environ={"SPARK_CONF_DIR": "/conf"}),
    ]
    assert an_archive(tmp_path, **path) == first

    jar.write_bytes(b"12")

    files = {each.file for each in (first, *others, an_archive(tmp_path, **path))}
    assert len(files) == 5


def test_an_archive_keeps_no_setting_that_may_be_secret(tmp_path):
    archive = an_archive(tmp_path, **{"spark.hadoop.fs.s3a.secret.key": "x"})

    assert archive.conf == {}


def test_a_user_who_shares_classes_himself_is_left_alone(tmp_path):
    options = {"spark.driver.extraJavaOptions": "-XX:SharedArchiveFile=/mine.jsa"}

    assert an_archive(tmp_path, **options) is None


def test_only_an_archive_that_is_there_is_named_to_the_jvm(tmp_path):
    archive = Archive(tmp_path / "a b.jsa", {})
    before = archive_options(archive)

    archive.file.write_bytes(b"classes")

    assert before == ()
    assert archive_options(archive)[0] == f"-XX:SharedArchiveFile={archive.file}"
    assert quoted(archive_options(archive)[0]) == f'"-XX:SharedArchiveFile={archive.file}"'


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"PYTEST_VERSION": "9"}])
def test_ci_and_tests_make_no_archive(tmp_path, environ):
    archive = Archive(tmp_path / "jsa" / "key.jsa", {})

    assert not make_archive_in_background(archive, environ=environ, now=0.0)
    assert not archive.file.parent.exists()


def test_a_failed_attempt_is_not_repeated_the_same_day(tmp_path):
    archive = Archive(tmp_path / "jsa" / "key.jsa", {})
    archive.file.parent.mkdir()
    marker = archive.file.with_suffix(".attempt")
    marker.write_text("failed")
    tried = marker.stat().st_mtime

    assert not make_archive_in_background(archive, environ={}, now=tried + 3600)
    assert "the last attempt failed" in archive_state(tmp_path, now=tried + 3600)
    assert "not there yet" in archive_state(tmp_path, now=tried + 90_000)


def test_an_attempt_that_failed_leaves_why_and_nothing_else(tmp_path, monkeypatch):
    def broken(_archive, written, _scratch):
        written.write_bytes(b"half")
        raise RuntimeError("the rehearsal fell through")

    monkeypatch.setattr(archives, "_run_once", broken)
    monkeypatch.setattr(archives, "_NICENESS", 0)
    file = tmp_path / "jsa" / "key.jsa"
    file.parent.mkdir()

    with pytest.raises(RuntimeError):
        archives.main([str(file), "{}"])

    marker = file.with_suffix(".attempt")
    assert list(file.parent.iterdir()) == [marker]
    assert "the rehearsal fell through" in marker.read_text()
    assert str(marker) in archive_state(tmp_path, now=marker.stat().st_mtime)
