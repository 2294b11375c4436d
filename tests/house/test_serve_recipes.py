"""The container file and the systemd unit of `serve`: their commands are commands of ours."""

import re
import shlex

from tests.house.repository import ROOT
from tests.house.test_docs import PROGRAM, refusal

UNIT = (ROOT / "docs" / "serve" / "dlt_lite.service").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "docs" / "serve" / "Dockerfile").read_text(encoding="utf-8")


def words_of(key: str) -> list[str]:
    """Return the words of a line of the container file in its JSON form."""
    [found] = re.findall(rf"^{key} \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    return shlex.split(found.replace(",", " "))


def test_the_unit_starts_the_loop():
    [words] = re.findall(rf"^ExecStart=\S*/{PROGRAM}(.*)$", UNIT, re.MULTILINE)

    assert words.split()[-1] == "serve"
    assert refusal(words) is None


def test_the_container_starts_the_loop():
    words = [*words_of("ENTRYPOINT"), *words_of("CMD")]

    assert words[2:5] == PROGRAM.split()
    assert refusal(shlex.join(words[5:])) is None


def test_both_ask_only_the_loop_to_stop_and_give_it_time():
    assert "KillMode=mixed" in UNIT
    assert "KillSignal=SIGTERM" in UNIT
    assert "TimeoutStopSec=90" in UNIT
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE
    assert words_of("ENTRYPOINT")[0] == "tini"
