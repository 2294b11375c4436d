"""A Spark standalone cluster on loopback: a master and two workers, each a process of its own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

from tests.e2e.shell import QUICK_COMPILER

HOST = "127.0.0.1"
_PATIENCE = 120.0
_CLASSES = "org.apache.spark.deploy"


@contextmanager
def standalone_cluster(folder: Path, *, workers: int = 2) -> Iterator[str]:
    """Start a cluster, and stop it in the end.

    Args:
        folder: takes logs and the workers' scratch.
        workers: how many workers, of one core and 1 GB each.

    Returns:
        The master's URL.
    """
    port = _free_port()
    url = f"spark://{HOST}:{port}"
    with ExitStack() as stack:
        log = folder / "master.log"
        words = ("--host", HOST, "--port", str(port), "--webui-port", "0")
        stack.enter_context(_process("master.Master", words, log))
        _await(log, "Starting Spark master")
        for number in range(workers):
            scratch = folder / f"worker {number}"
            scratch.mkdir()
            words = ("--host", HOST, "-c", "1", "-m", "1g", "--webui-port", "0", "-d", str(scratch))
            worker_log = folder / f"worker {number}.log"
            stack.enter_context(_process("worker.Worker", (*words, url), worker_log))
        _await(log, "Registering worker", times=workers)
        yield url


@contextmanager
def _process(name: str, words: tuple[str, ...], log: Path) -> Iterator[None]:
    home = Path(pyspark.__file__).parent
    command = [str(home / "bin" / "spark-class"), f"{_CLASSES}.{name}", *words]
    # Executors inherit it: what lives for seconds is done sooner where code is not compiled twice.
    own = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": HOST, "JDK_JAVA_OPTIONS": QUICK_COMPILER}
    variables = {**os.environ, **own}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=variables)
        try:
            yield
        finally:
            # spark-class gives its place to the JVM, so this is the JVM.
            process.terminate()
            process.wait(_PATIENCE)


def _await(log: Path, mark: str, *, times: int = 1) -> None:
    deadline = time.monotonic() + _PATIENCE
    while log.read_text("utf-8", "replace").count(mark) < times:
        assert time.monotonic() < deadline, log.read_text("utf-8", "replace")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port
