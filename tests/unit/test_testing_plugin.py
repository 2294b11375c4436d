"""The pytest plugin's own settings."""

import subprocess
import sys
from pathlib import Path

from tests.house.repository import ROOT


def test_a_spark_setting_of_tests_that_is_no_pair_is_refused_before_spark_starts(tmp_path: Path):
    (tmp_path / "test_it.py").write_text("def test_it(dlt_spark):\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += ["-p", "dlt_lite.testing.plugin", "-o", "dlt_spark_conf=spark.ui.enabled"]

    done = subprocess.run(
        [*command, "test_it.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "dlt_spark_conf: 'spark.ui.enabled' is not KEY=VALUE" in done.stdout
