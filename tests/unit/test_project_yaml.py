from __future__ import annotations

import os

import pytest

from dlt_lite.errors import BadYaml
from dlt_lite.model.origin import Origin
from dlt_lite.project.nodes import Mapping, Scalar, ScalarKind, Sequence
from dlt_lite.project.yaml_reader import (
    LARGEST_FILE,
    parse_yaml,
    read_yaml,
    read_yaml_mapping,
)


def parsed(text):
    return parse_yaml(text.encode(), path="x.yml")


def plain(node):
    match node:
        case Mapping():
            return {entry.key.text: plain(entry.value) for entry in node.entries}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.text


def kind(text):
    return parsed(f"k: {text}").entries[0].value.kind


def refusal(text):
    with pytest.raises(BadYaml) as caught:
        parsed(text)
    return caught.value


def test_every_key_and_value_knows_its_line_and_column():
    node = parsed("a: 1\nb:\n  - x\n  - {c: d}\n")

    (a, b) = node.entries
    inner = b.value.items[1].entries[0]
    assert (a.key.origin, a.value.origin) == (Origin("x.yml", 1, 1), Origin("x.yml", 1, 4))
    assert b.value.items[0].origin == Origin("x.yml", 3, 5)
    assert (inner.key.origin, inner.value.origin) == (Origin("x.yml", 4, 6), Origin("x.yml", 4, 9))


@pytest.mark.parametrize(
    "text",
    ["no", "on", "yes", "off", "y", "1_000", "12:30", "0o17", "007", "2024-01-31", "0x1F", ".nan"],
)
def test_what_older_yaml_would_convert_stays_text(text):
    assert kind(text) is ScalarKind.TEXT
    assert plain(parsed(f"k: {text}")) == {"k": text}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", ScalarKind.BOOLEAN),
        ("False", ScalarKind.BOOLEAN),
        ("12", ScalarKind.WHOLE),
        ("-0", ScalarKind.WHOLE),
        ("1.5", ScalarKind.DECIMAL),
        ("1e3", ScalarKind.DECIMAL),
        ("", ScalarKind.NOTHING),
        ("null", ScalarKind.NOTHING),
        ("~", ScalarKind.NOTHING),
        ("'12'", ScalarKind.TEXT),
        ('"true"', ScalarKind.TEXT),
        ("''", ScalarKind.TEXT),
        ("!!str 12", ScalarKind.TEXT),
        ("! 12", ScalarKind.TEXT),
        ("!!int 12", ScalarKind.WHOLE),
    ],
)
def test_plain_values_have_the_kind_of_yaml_1_2_and_quoted_ones_are_text(text, expected):
    assert kind(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [ls]",
        "a: !!python/name:os.system",
        "!x {a: 1}",
        "a: !x y",
        "a: !!binary aGk=",
        "a: !!set {b}",
        "a: !!map [b]",
        "a: !!int x",
    ],
)
def test_tags_that_are_unknown_or_do_not_fit_are_refused(text):
    error = refusal(text)

    assert error.origin.line == 1


def test_a_duplicate_key_is_refused_naming_both_lines():
    error = refusal("a: 1\nb: 2\na: 3\n")

    assert error.origin == Origin("x.yml", 3, 1)
    assert "'a'" in error.what
    assert "line 1" in error.what


def test_two_merge_keys_in_one_mapping_are_a_duplicate():
    assert "twice" in refusal("x: &x {a: 1}\ny: {<<: *x, <<: *x}\n").what


def test_merged_keys_may_be_overridden_and_the_first_of_a_list_wins():
    node = parsed("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*y, *x]\n  c: 3\n")

    assert plain(node)["z"] == {"a": "1", "b": "2", "c": "3"}


def test_a_quoted_merge_key_is_an_ordinary_key():
    assert plain(parsed("'<<': 1")) == {"<<": "1"}


@pytest.mark.parametrize("text", ["a: {<<: 1}", "a: {<<: [1]}"])
def test_only_mappings_can_be_merged(text):
    assert "merges mappings" in refusal(text).what


def test_aliases_that_multiply_are_refused():
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    assert "more than 100,000 values" in refusal("\n".join(lines)).what


def test_merges_that_multiply_are_refused():
    wide = "a: &a {" + ", ".join(f"k{n}: 1" for n in range(500)) + "}"
    lines = [wide, *(f"b{n}: {{<<: *a}}" for n in range(5000))]

    assert "more than 100,000 values" in refusal("\n".join(lines)).what


def test_aliases_of_aliases_cannot_nest_deeper_than_text_may():
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200))]

    assert "nested deeper" in refusal("\n".join(lines)).what


@pytest.mark.parametrize(
    "text", ["[" * 10_000, "{a: " * 10_000, "- " * 10_000, "? " * 10_000, "[" * 51 + "]" * 51]
)
def test_deep_nesting_is_refused(text):
    assert "nest" in refusal(text).what


def test_nesting_up_to_the_limit_is_fine():
    assert isinstance(parsed("[" * 50 + "]" * 50), Sequence)


@pytest.mark.parametrize("text", ["&a [*a]", "a: &a {b: {c: *a}}", "a: &x {<<: *x}"])
def test_an_anchor_that_contains_itself_is_refused(text):
    assert "contains itself" in refusal(text).what


def test_an_alias_without_anchor_is_refused():
    assert "no anchor is called 'b'" in refusal("a: *b").what


def test_a_second_document_is_refused_where_it_begins():
    error = refusal("a: 1\n---\nb: 2\n")

    assert "second document" in error.what
    assert error.origin.line == 2


def test_one_marked_document_is_fine():
    assert plain(parsed("%YAML 1.2\n---\na: 1\n...\n")) == {"a": "1"}


@pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "a:\n  b: 1\n\tc: 2\n", "\ta: 1\n"])
def test_a_tab_as_indentation_says_so(text):
    error = refusal(text)

    assert "tab" in error.what
    assert error.origin.line == text[: text.index("\t")].count("\n") + 1
    assert error.fix == "indent with blanks"


def test_a_syntax_error_has_line_and_column():
    error = refusal("a: 1\nb: [1, 2\nc: 3\n")

    assert error.origin.line >= 2
    assert error.what.startswith("not YAML")
    assert error.fix is not None


@pytest.mark.parametrize("text", ["? [a]\n: 1", "? {a: b}\n: 1", "~: 1"])
def test_a_key_must_be_one_value(text):
    assert "key must be one value" in refusal(text).what


def test_a_byte_order_mark_and_windows_line_ends_are_fine():
    node = parse_yaml(b"\xef\xbb\xbfa: 1\r\nb:\r\n  - x\r\n", path="x.yml")

    assert plain(node) == {"a": "1", "b": ["x"]}
    assert node.entries[1].key.origin == Origin("x.yml", 2, 1)


@pytest.mark.parametrize("content", [b"a: 1\nb: \xff\n", "a: ü".encode("utf-16")])
def test_other_encodings_are_refused_with_the_place(content):
    with pytest.raises(BadYaml, match="not UTF-8") as caught:
        parse_yaml(content, path="x.yml")

    assert caught.value.origin.line == content[: content.index(b"\xff")].count(b"\n") + 1


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\ufffe"])
def test_control_characters_are_refused_with_the_place(character):
    error = refusal(f"a: 1\nb: x{character}\n")

    assert error.origin == Origin("x.yml", 2, 5)
    assert character not in str(error)


def test_umlauts_and_emoji_are_fine_and_columns_count_characters():
    node = parsed("{ü: ä🎈, b: c}")

    assert plain(node) == {"ü": "ä🎈", "b": "c"}
    assert node.entries[1].key.origin.column == 9


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(tmp_path, text):
    (tmp_path / "x.yml").write_text(text)

    assert read_yaml_mapping(tmp_path / "x.yml", root=tmp_path).entries == ()


@pytest.mark.parametrize("text", ["- a\n", "just text\n"])
def test_a_file_of_keys_may_not_be_something_else(tmp_path, text):
    (tmp_path / "x.yml").write_text(text)

    with pytest.raises(BadYaml, match="must hold keys and values"):
        read_yaml_mapping(tmp_path / "x.yml", root=tmp_path)


def test_a_large_file_is_refused(tmp_path):
    (tmp_path / "x.yml").write_bytes(b"#" * (LARGEST_FILE + 1))

    with pytest.raises(BadYaml, match="larger than"):
        read_yaml(tmp_path / "x.yml", root=tmp_path)


def test_many_values_in_a_small_file_are_refused():
    assert "more than 100,000 values" in refusal("[" + "1," * 400_000 + "]").what


def test_a_folder_a_pipe_and_a_missing_file_are_refused_and_do_not_block(tmp_path):
    (tmp_path / "folder.yml").mkdir()
    os.mkfifo(tmp_path / "pipe.yml")

    for name in ("folder.yml", "pipe.yml", "missing.yml"):
        with pytest.raises(BadYaml) as caught:
            read_yaml(tmp_path / name, root=tmp_path)
        assert caught.value.origin == Origin(name)
