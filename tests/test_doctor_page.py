"""The page of findings: every slug that `doctor` can give stands there, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

from agentstate import Severity
from doctor_cases import CASES

ROOT: Final = Path(__file__).parents[1]
ROW: Final = re.compile(r"^\| `(\w+)` \| ([a-z ]+) \| (.+\.) \| (.*) \|$", re.MULTILINE)
PAGE: Final = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
ROWS: Final = {slug: (severity, fix) for slug, severity, _, fix in ROW.findall(PAGE)}


def calls(name: str) -> list[tuple[str, ast.Call]]:
    """Return every call of a name in the code of doctor, with its module."""
    return [
        (path.stem, node)
        for path in sorted((ROOT / "src" / "agentstate" / "store" / "doctor").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def test_the_page_has_every_kind_of_finding_once_and_no_other() -> None:
    slugs = [ast.literal_eval(call.args[0]) for _, call in calls("Kind")]
    assert sorted(slugs) == [slug for slug, *_ in ROW.findall(PAGE)]


def test_every_problem_is_of_a_kind() -> None:
    assert [module for module, _ in calls("Problem")] == ["problems"]


def test_every_kind_of_finding_is_tried() -> None:
    names = ("test_doctor*.py", "test_imports_tables.py")
    paths = [path for name in names for path in Path(__file__).parent.glob(name)]
    tests = "".join(path.read_text() for path in paths)
    tried = {case.slug for case in CASES.values()} | {*re.findall(r'"(\w+)"', tests)}
    assert set(ROWS) - tried == set()


def test_what_the_page_says_of_a_finding_is_what_doctor_says() -> None:
    for case in CASES.values():
        severity, fix = ROWS[case.slug]
        assert case.severity in map(Severity, severity.split(" or "))
        assert fix
