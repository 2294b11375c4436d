"""What a Python function is made of: another text wherever it may return something else."""

import datetime as dt
import functools
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from pyspark import cloudpickle

from dlt_lite.engine.functions import function_facts
from dlt_lite.engine.on_workers import let_functions_travel

ROOT = Path(__file__).resolve().parents[2]


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, n):
        return n * self.factor

    def times(self, n):
        return n * self.factor


def travelled(function):
    """Return a function as a worker gets it."""
    let_functions_travel()
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.loads(cloudpickle.dumps(function))
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def text(function):
    return function_facts(travelled(function)).text


def closing_over(value):
    return lambda n: (n, value)


def by_default(value):
    def function(n, other=value):
        return n, other

    return function


def by_keyword(value):
    def function(n, *, other=value):
        return n, other

    return function


def by_helper(value):
    def helper(n):
        return n, value

    return lambda n: (n, helper(n))


def by_attribute(value):
    def function(n):
        return n

    function.factor = value
    return function


def by_class(value):
    class Own:
        FACTOR = value

        def told(self):
            return self.FACTOR

    return lambda n: (n, Own().told())


def by_module(value):
    module = types.ModuleType("made")
    module.FACTOR = value
    return lambda n: n * module.FACTOR


HOLDING = {
    "closure": closing_over,
    "default": by_default,
    "keyword": by_keyword,
    "helper": by_helper,
    "attribute": by_attribute,
    "class": by_class,
    "module": by_module,
    "partial": lambda value: functools.partial(closing_over, value),
    "object": Scale,
    "method": lambda value: Scale(value).times,
    "cache": lambda value: functools.cache(closing_over(value)),
}


@pytest.mark.parametrize("way", HOLDING)
def test_what_a_function_holds_is_told(way):
    assert text(HOLDING[way](2)) == text(HOLDING[way](2))
    assert text(HOLDING[way](2)) != text(HOLDING[way](3))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (True, 1),
        ("1", 1),
        ([1, 2], [2, 1]),
        ([1, 2], (1, 2)),
        ([[1], 2], [[1, 2]]),
        ({"a": 1}, {"a": 2}),
        ({1, 2}, {1, 3}),
        (dt.date(2024, 1, 1), dt.date(2024, 1, 2)),
        (np.array([1, 2]), np.array([1, 3])),
        (lambda n: n + 1, lambda n: n + 2),
        (len, max),
        (Path("a"), Path("b")),
    ],
)
def test_values_that_differ_are_told_apart(one, other):
    assert text(closing_over(one)) != text(closing_over(other))


def test_a_value_that_holds_itself_is_told():
    own = [1]
    own.append(own)

    assert text(closing_over(own)) == text(closing_over(own))


def test_what_no_function_names_is_not_told():
    before = text(by_helper(1))
    globals()["NEVER_NAMED"] = 5

    assert text(by_helper(1)) == before


CHILD = """
from tests.unit.test_functions import HOLDING, closing_over, text
words = frozenset({"a", "b", "c", "d", "e"})
print([text(closing_over(words)), *(text(way(words)) for way in HOLDING.values())])
"""


def test_the_text_is_equal_in_two_processes():
    seen = {
        subprocess.run(
            [sys.executable, "-c", CHILD],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(seen) == 1


NAMESPACE = """
import datetime as dt
import os
import random
import time
import uuid
from datetime import datetime
from pathlib import Path

import numpy as np

environ, clock = os.environ, time.time

def importing(n):
    import secrets
    return n, secrets.token_hex()

def inside_another(n):
    def now():
        return datetime.now()
    return n, now()
"""


def made(code):
    """Return a function of a text, as if a pipeline's file held it."""
    namespace = {}
    exec(NAMESPACE, namespace)  # noqa: S102
    return eval(code, namespace)  # noqa: S307


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("lambda n: (n, os.environ['X'])", "os.environ"),
        ("lambda n: (n, os.getenv('X'))", "os.getenv"),
        ("lambda n: (n, environ)", "os.environ"),
        ("lambda n: (n, clock())", "time.time"),
        ("lambda n: (n, random.random())", "random.random"),
        ("lambda n: (n, uuid.uuid4())", "uuid.uuid4"),
        ("lambda n: (n, datetime.now())", "datetime.datetime.now"),
        ("lambda n: (n, dt.date.today())", "datetime.date.today"),
        ("lambda n: (n, np.random.rand())", "numpy.random"),
        ("lambda n: (n, Path('rates').read_text())", "Path.read_text"),
        ("lambda n: (n, open('rates').read())", "open"),
        ("importing", "secrets.token_hex"),
        ("inside_another", "datetime.datetime.now"),
    ],
)
def test_a_function_that_asks_the_world_may_change(code, asked):
    changing = function_facts(travelled(made(code))).changing

    assert any(each.endswith(asked) for each in changing), changing


@pytest.mark.parametrize(
    "code",
    [
        "lambda n: os.path.join('a', n)",
        "lambda n: (time.sleep(0), time.strptime(n, '%Y'))",
        "lambda n: uuid.uuid5(uuid.NAMESPACE_DNS, n)",
        "lambda n: datetime.fromisoformat(n)",
        "lambda n: dt.datetime.strptime(n, '%Y').date()",
        "lambda n: np.sqrt(n)",
        "lambda n: Path(n).name",
        "lambda n: n.now",
    ],
)
def test_a_function_of_its_arguments_may_not(code):
    assert function_facts(travelled(made(code))).changing == ()
