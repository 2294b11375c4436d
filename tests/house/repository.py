"""The repository as a reader finds it: its files, its Python code, its documents."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dlt_lite"
README = ROOT / "README.md"
_WALK = ("A second run, a new day, a bad file", "Rows that are set aside", "Data quality in CI")
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def files() -> list[Path]:
    """Return every file that is in the repository, or would be with the next commit."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def package_files() -> list[Path]:
    """Return every file that the package is made of, whether git knows it or not."""
    found = sorted(path for path in PACKAGE.rglob("*") if path.is_file())
    return [path for path in found if "__pycache__" not in path.parts]


def documents() -> list[Path]:
    """Return what people read: the README and the pages of docs."""
    return [README, *sorted((ROOT / "docs").rglob("*.md"))]


def syntax_trees(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    """Give every Python file below a folder, by its path in the repository."""
    for path in sorted(folder.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def walk() -> list[str]:
    """Return the commands of the README that are given one after the other, through quality."""
    text = README.read_text(encoding="utf-8")
    parts = (text.partition(f"\n## {title}\n")[2].partition("\n## ")[0] for title in _WALK)
    blocks = [each for part in parts for each in _FENCED.findall(part)]
    return [
        line.removeprefix("$ ")
        for language, block in blocks
        for line in block.splitlines()
        if language == "sh" or (language == "text" and line.startswith("$ "))
    ]


def quick_start() -> list[list[str]]:
    """Return the fenced blocks of the README's quick start, each as its lines."""
    section = README.read_text(encoding="utf-8").partition("\n## Quick start\n")[2]
    fenced = section.partition("\n## ")[0].split("```")[1::2]
    return [block.splitlines()[1:] for block in fenced]
