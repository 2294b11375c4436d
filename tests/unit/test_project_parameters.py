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


def test_the_last_of_one_key_wins():
    assert parse_parameters(["a=1", "a=2"]) == {"a": "2"}


@pytest.mark.parametrize("text", ["a", "=b", "", " =b", "\x1b[31m"])
def test_what_is_not_key_equals_value_is_refused(text):
    with pytest.raises(BadParameter) as caught:
        parse_parameters([text])

    assert "\x1b" not in str(caught.value)
