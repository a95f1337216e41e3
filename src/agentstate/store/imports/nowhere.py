"""What an import would do where there is no store yet: everything is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.errors import BadInputError
from agentstate.formats.events import Message, Start
from agentstate.reports.imports import ImportedThread, LeafMove
from agentstate.store.imports.describing import is_plain
from agentstate.store.imports.parts import Outcome, Progress, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import BinaryIO

    from agentstate.formats.events import Event, Session


class Nowhere:
    """Stands for the `imports` of a store that has yet to be made; only for dry runs."""

    def merge(  # noqa: PLR0913 - as in a store
        self,
        events: Iterable[Event],
        *,
        format_name: str,  # noqa: ARG002 - as above
        source: str | None,  # noqa: ARG002 - as above
        since: int | None = None,
        name: str | None = None,
        remap: Sequence[tuple[str, str]] = (),  # noqa: ARG002 - as above
        dry_run: bool = True,  # noqa: ARG002 - as above
        progress: Callable[[], object] | None = None,  # noqa: ARG002 - as above
    ) -> Sequence[ImportedThread]:
        """Say what would come of each session; see `Imports.merge`."""
        done: list[ImportedThread] = []
        session: Progress | None = None
        for event in events:
            if isinstance(event, Start):
                is_old = since is not None and event.updated_at < since
                session = None if is_old else Progress(event)
            elif session is None:
                continue
            elif isinstance(event, Message):
                session.messages += 1
                session.hidden += event.hidden
            elif session.messages:
                done.append(_created(session, event, name))
        return done

    def insert_bundle(
        self,
        file: BinaryIO,
        *,
        new_ids: bool = False,
        remap: Sequence[tuple[str, str]] = (),  # noqa: ARG002 - as above
        dry_run: bool = True,  # noqa: ARG002 - as above
    ) -> ImportedThread:
        """Say what would come of a bundle; see `Imports.insert_bundle`."""
        from agentstate.store.imports.bundle import foretell  # noqa: PLC0415 - bundles only

        return foretell(file, new_ids=new_ids)


class Closed:
    """Stands for the `imports` of a store that is not opened, as no source was known.

    One that is known after all could not be read a moment before.
    """

    def merge(self, *_: object, **__: object) -> Sequence[ImportedThread]:
        """Refuse."""
        raise BadInputError(_AGAIN)

    def insert_bundle(self, *_: object, **__: object) -> ImportedThread:
        """Refuse."""
        raise BadInputError(_AGAIN)


_AGAIN: Final = "it could not be read a moment before; import it again"


def _created(session: Progress, end: Session, name: str | None) -> ImportedThread:
    session.created = True
    session.added = session.messages
    session_id = session.start.session_id
    outcome = Outcome(
        session_id if is_plain(session_id) else None,
        changed=True,
        leaf=LeafMove.MOVED,
        name=name or end.title or None,
    )
    return report(session, end, outcome)
