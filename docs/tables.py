"""The tables of docs/output.md and docs/doctor.md, made from the code that keeps their promises.

docs/reference.py, which describes the library, fills its blocks with the same means.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from dataclasses import fields
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

import agentstate
from agentstate import errors, records, session_index
from agentstate.cli import main
from agentstate.render import report_shapes, shapes
from agentstate.render.shape import Shape
from agentstate.reports.export import ExportedThread
from agentstate.store import doctor
from agentstate.store.doctor.problems import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BLOCK: Final = re.compile(
    r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end of generated -->)", re.DOTALL
)


class Answers(NamedTuple):
    """A shape's heading, the commands that answer in it, and the records that fill it."""

    heading: str
    commands: str
    records: tuple[type, ...]
    extra: str = "Only where `--fields` names it."
    """When the extra fields of the shape are shown."""


ANSWERS: Final = {
    "THREADS": Answers("Threads", "`threads list`", (records.ThreadMetadata, records.ThreadStats)),
    "THREAD": Answers(
        "One thread",
        "`threads show`, `create`, `ensure`, `update`, `rename`, `archive`, `unarchive`, "
        "`delete`, `undelete`, `memory`, `path`",
        (records.ThreadMetadata, records.ThreadStats),
        "In the JSON of `threads show`; elsewhere only where `--fields` names it.",
    ),
    "TOOLS": Answers("Dynamic tools", "`threads tools`", (records.DynamicToolRecord,)),
    "GOALS": Answers("Goals", "`threads goal`", (records.ThreadGoalRecord,)),
    "MESSAGES": Answers(
        "Messages",
        "`messages list`, `show`, `leaves`, `append`, `checkout`, and `fork`",
        (records.MessageRecord,),
    ),
    "TREE": Answers("Nodes of a tree", "`messages tree`", (records.MessageRecord,)),
    "CLEARED": Answers(
        "Cleared threads", "`messages clear`", (records.MessageRecord, records.ThreadStats)
    ),
    "CHECKPOINTS": Answers(
        "Checkpoints", "`checkpoint save`, `load`, `list`, `delete`", (records.CheckpointRecord,)
    ),
    "JOBS": Answers(
        "Jobs", "`jobs list`, `show`, `create`, `update`, `delete`", (records.JobStateRecord,)
    ),
    "INDEX": Answers("Index entries", "`index list`, `name`, `path`", (records.SessionIndexEntry,)),
    "INDEX_CHECK": Answers("Index checks", "`index check`", (agentstate.IndexCheck,)),
    "INDEX_REBUILD": Answers("Index rebuilds", "`index rebuild`", (agentstate.IndexRebuild,)),
    "INDEX_COMPACTION": Answers(
        "Index compactions", "`index compact`", (session_index.CompactionResult,)
    ),
    "IMPORT": Answers("Imports", "`import -o json`", (agentstate.ImportReport,)),
    "IMPORTED": Answers(
        "Imported threads",
        "`import`, but for `-o json`",
        (agentstate.ImportedFile, agentstate.ImportedThread),
    ),
    "SEARCH": Answers("Hits", "`search`", (agentstate.SearchHit,)),
    "EXPORTED": Answers("Exported threads", "`export`", (ExportedThread,)),
    "STORE": Answers("Stores", "`info`, `init`, `demo`", (agentstate.StoreInfo,)),
    "DIAGNOSIS": Answers("Diagnoses", "`doctor -o json`", (agentstate.DoctorReport,)),
    "FINDINGS": Answers("Findings", "`doctor`, but for `-o json`", (agentstate.Finding,)),
    "BACKUP": Answers("Backups", "`backup`", (agentstate.BackupReport,)),
    "RESTORATION": Answers("Restorations", "`restore`", (agentstate.RestoreReport,)),
    "RECOVERY": Answers("Recoveries", "`recover`", (agentstate.RecoverReport,)),
    "VACUUM": Answers("Vacuums", "`vacuum`", (agentstate.VacuumReport,)),
    "TRASH": Answers("Deleted threads", "`threads trash list`, `empty`", (agentstate.TrashEntry,)),
    "PRUNING": Answers("Prunings", "`threads prune -o json`", (agentstate.PruneReport,)),
    "PRUNED": Answers(
        "Pruned threads", "`threads prune`, but for `-o json`", (agentstate.PrunedThread,)
    ),
}
"""By the name of the shape, which must have its entry, in the order of the page."""

_DERIVED: Final = {
    "checkpoints": ("integer", "How many checkpoints the thread has."),
    "goal": ("goal or null", "Its goal, with the fields of a goal."),
    "tools": ("array of tools", "Its dynamic tools, with the fields of a tool."),
    "depth": ("integer or null", "How far from the root; null where damage hides it."),
    "on_active_branch": ("boolean", "Whether the current leaf goes back to it."),
    "is_leaf": ("boolean", "Whether nothing answers it."),
    "is_current_leaf": ("boolean", "Whether the thread goes on here."),
    "imported": (
        "import record or null",
        "Where it came from, with the fields of an import record.",
    ),
    "hidden": ("boolean", "Whether views leave it out: a program said it to its model."),
    "differences": ("integer", "Ghosts, drifted and missing threads together."),
}
"""Fields that are computed for an answer and belong to no record: type and meaning."""

_TYPES: Final = {
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "JsonValue": "any JSON",
    "dict[str, int]": "object of integers",
    "float": "number",
    "tuple[str, ...]": "array of strings",
    "tuple[tuple[int, int], ...]": "array of arrays of two integers",
    "tuple[int | str, ...]": "array of integers and strings",
}
_UNITS: Final = (
    (re.compile(r".+_at|since|until"), "Unix seconds"),
    (re.compile(r".+_seconds"), "seconds"),
    (re.compile(r"(.+_)?size|bytes_.+"), "bytes"),
)


def fill_output(page: str) -> str:
    """Return docs/output.md with the tables of today."""
    return fill(page, {"exit-codes": _exit_codes(), "fields": _fields()})


def fill_doctor(page: str) -> str:
    """Return docs/doctor.md with the findings of today."""
    return fill(page, {"findings": _findings()})


def fill(page: str, made: Mapping[str, str]) -> str:
    """Return a page with each of its generated blocks made anew, by its name."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{made[found['name']]}\n\n{found[3]}", page)


def _exit_codes() -> str:
    rows = [
        (0, "", "", "Done. An empty list is done, too."),
        *(
            (error.exit_code, error.slug, error.__name__, first_line(error))
            for error in _all_below(errors.AgentStateError)
            if error is not errors.AgentStateError and error.__module__ == errors.__name__
        ),
        (main.UNEXPECTED, "error", "AgentStateError", "What none of the others means."),
        (main.UNEXPECTED, "unexpected", "", "A fault of this program; please report it."),
        (main.INTERRUPTED, "interrupted", "", "Ctrl-C, SIGTERM, or a no to a question."),
    ]
    # The sort is stable: below one code the order is that of the module.
    return table(
        ("exit code", "slug", "class", "meaning"),
        (
            (str(code), f"`{slug}`" if slug else "", f"`{name}`" if name else "", meaning)
            for code, slug, name, meaning in sorted(rows, key=lambda row: row[0])
        ),
    )


def _findings() -> str:
    names = [doctor.__name__, *(f"{doctor.__name__}.{one.name}" for one in _modules())]
    kinds = {
        value.slug: value
        for name in names
        for value in vars(import_module(name)).values()
        if isinstance(value, Kind)
    }
    return table(
        ("slug", "severity", "what is wrong", "what `--fix` does"),
        (
            (
                f"`{slug}`",
                " or ".join(filter(None, (kind.severity, kind.instead))),
                kind.meaning,
                kind.fix or "",
            )
            for slug, kind in sorted(kinds.items())
        ),
    )


def _modules() -> Iterable[pkgutil.ModuleInfo]:
    return pkgutil.iter_modules(doctor.__path__)


def _all_below(error: type[errors.AgentStateError]) -> list[type[errors.AgentStateError]]:
    found = [error]
    for subclass in error.__subclasses__():
        found += _all_below(subclass)
    return found


def first_line(documented: type) -> str:
    """Return the first line of a class's docstring."""
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _fields() -> str:
    everything = {**vars(shapes), **vars(report_shapes)}
    found = {name: value for name, value in everything.items() if isinstance(value, Shape)}
    if set(found) != set(ANSWERS):
        raise KeyError(f"ANSWERS and the shapes differ: {set(found) ^ set(ANSWERS)}")
    return "\n\n".join(_shape_section(ANSWERS[name], found[name]) for name in ANSWERS)


def _shape_section(answers: Answers, shape: Shape) -> str:
    known = {**_DERIVED}
    for record_type in answers.records:
        known |= _documented_fields(record_type)
    rows = []
    for field in shape.fields + shape.extra:
        kind, meaning = known[field]
        column = str(shape.columns.index(field) + 1) if field in shape.columns else ""
        if field in shape.extra:
            meaning = f"{meaning} {answers.extra}".strip()
        rows.append((f"`{field}`", kind, column, meaning))
    made = table(("field", "JSON", "TSV column", "meaning"), rows)
    return f"### {answers.heading}\n\n{answers.commands}. `-o id` prints `{shape.id}`.\n\n{made}"


def _documented_fields(record_type: type) -> dict[str, tuple[str, str]]:
    """Return the JSON type and the meaning of each field, from its annotation and docstring."""
    meanings = docstrings(record_type)
    return {
        field.name: (
            _json_type(str(field.type)),
            meaning(field.name, meanings).replace("None", "null"),
        )
        for field in fields(record_type)
    }


def meaning(field: str, meanings: Mapping[str, str]) -> str:
    """Return what a field means, its unit first."""
    units = [unit for pattern, unit in _UNITS if pattern.fullmatch(field)]
    sentences = [f"{unit[0].upper()}{unit[1:]}." for unit in units]
    return " ".join([*sentences, meanings.get(field, "")]).strip()


def docstrings(record_type: type) -> dict[str, str]:
    """Return the text below each field in the source of its class."""
    (tree,) = ast.parse(inspect.getsource(record_type)).body
    if not isinstance(tree, ast.ClassDef):
        raise TypeError(f"{record_type} is no class")
    found = {}
    for statement, below in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            text = inspect.cleandoc(str(below.value.value))
            found[statement.target.id] = text.replace("\n", " ")
    return found


def _json_type(annotation: str) -> str:
    base = annotation.removesuffix(" | None")
    suffix = " or null" if base != annotation or base == "JsonValue" else ""
    if base in _TYPES:
        return "any JSON" if base == "JsonValue" else _TYPES[base] + suffix
    if base.startswith("tuple["):
        item = getattr(agentstate, base.removeprefix("tuple[").removesuffix(", ...]"))
        members = ", ".join(f"`{field.name}`" for field in fields(item))
        return f"array of objects: {members}"
    enum = getattr(agentstate, base)
    if not issubclass(enum, StrEnum):
        raise TypeError(f"{base} has no JSON type here")
    return f"string: {', '.join(f'`{member}`' for member in enum)}{suffix}"


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
