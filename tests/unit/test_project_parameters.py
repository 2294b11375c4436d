from __future__ import annotations

import pytest

from dlt_lite.errors import BadParameter
from dlt_lite.project.parameters import parse_parameters


def test_the_first_equals_sign_splits_and_values_hold_anything():
    texts = ["a=b=c", "empty=", "lines=x\ny", "quotes='\"`", " blank = v ", "ref=${env.X}"]

    assert parse_parameters(texts) == {
        "a": "b=c",
        "empty": "",
        "lines": "x\ny",
        "quotes": "'\"`",
        "blank": " v ",
        "ref": "${env.X}",
    }


@pytest.mark.parametrize("second", ["a=2", " a =1"])
def test_a_key_that_comes_twice_is_refused(second):
    with pytest.raises(BadParameter, match="'a' is given twice"):
        parse_parameters(["a=1", "b=1", second])


@pytest.mark.parametrize("text", ["a", "=b", "", " =b", "\x1b[31m"])
def test_what_is_not_key_equals_value_is_refused(text):
    with pytest.raises(BadParameter) as caught:
        parse_parameters([text])

    assert "\x1b" not in str(caught.value)
