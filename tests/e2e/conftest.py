"""Commands of these tests start from a class-data archive, made once for all of them."""

import contextlib
import json
import subprocess
import sys
import time

import pytest

from dlt_lite.engine.archive import archive_for
from dlt_lite.engine.jars import delta_jars
from dlt_lite.engine.java import find_java
from dlt_lite.engine.session import start_conf
from dlt_lite.workspace import Project
from tests.e2e import shell

# A machine that is slower than this goes on without; an archive that cannot be made is a fault.
PATIENCE, TURN = 120, 0.2


@pytest.fixture(scope="session", autouse=True)
def class_archive(tmp_path_factory, worker_id):
    """Make the archive, or wait until the other worker has: both are sooner done with it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "cache"
    folder.mkdir(exist_ok=True)
    fetched = parts(shell.environment())[0].cache_dir / "jars"
    with contextlib.suppress(FileExistsError):
        (folder / "jars").symlink_to(fetched)
    shell.share_cache(folder)
    environ = shell.environment()
    engine, java, jars = parts(environ)
    archive = archive_for(folder, java, start_conf(engine, jars, environ), environ=environ)
    archive.file.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "dlt_lite.engine.archive", str(archive.file)]
    subprocess.run([*command, json.dumps(dict(archive.conf))], env=environ, check=True)
    until = time.monotonic() + PATIENCE
    while not archive.file.exists() and time.monotonic() < until:
        time.sleep(TURN)


def parts(environ):
    """Return the example's way of starting Spark, its Java, and its JARs, fetched by now."""
    settings = Project.load(shell.ROOT, environ=environ).settings
    engine = settings.pipelines["clickstream"].engine
    java = find_java(environ)
    return engine, java, delta_jars(engine, java, lambda _: None, environ=environ)
