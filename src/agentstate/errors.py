"""Every error this package raises on purpose, with the slug and exit code it means.

A caller catches `AgentStateError` or a class below it; the command line turns `slug` and
`exit_code` into its error line and its exit status and decides nothing itself.
"""

from typing import ClassVar


class AgentStateError(Exception):
    """Base of all errors raised on purpose; `str(error)` is one clear line."""

    slug: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1


class AgentStateWarning(UserWarning):
    """Something was left out or left undone, and the call went on."""


class UsageError(AgentStateError):
    """The command or call was put wrongly."""

    slug = "usage"
    exit_code = 2


class NotFoundError(AgentStateError):
    """Nothing has the id that was named."""

    slug = "not_found"
    exit_code = 3


class StoreNotFoundError(NotFoundError):
    """There is no store at that path, or only an empty file."""

    slug = "store_not_found"


class ThreadNotFoundError(NotFoundError):
    """No thread has that id."""

    slug = "thread_not_found"


class MessageNotFoundError(NotFoundError):
    """No message has that id, or not in that thread."""

    slug = "message_not_found"


class CheckpointNotFoundError(NotFoundError):
    """The thread has no checkpoint of that id."""

    slug = "checkpoint_not_found"


class JobNotFoundError(NotFoundError):
    """No job has that id."""

    slug = "job_not_found"


class GoalNotFoundError(NotFoundError):
    """The thread has no goal."""

    slug = "goal_not_found"


class AmbiguousError(AgentStateError):
    """More than one thing answers to what was named; the message lists them."""

    slug = "ambiguous"
    exit_code = 4


class ConflictError(AgentStateError):
    """What is there differs from what the caller expected; nothing was written."""

    slug = "conflict"
    exit_code = 4


class StoreBusyError(AgentStateError):
    """Another program held the lock for longer than the timeout."""

    slug = "store_busy"
    exit_code = 5


class StoreUnavailableError(AgentStateError):
    """The system refuses what is needed: permission, space, a read-only file, I/O."""

    slug = "store_unavailable"
    exit_code = 5


class CorruptStoreError(AgentStateError):
    """What is stored contradicts itself or cannot be decoded."""

    slug = "store_corrupt"
    exit_code = 6


class StoreTooOldError(AgentStateError):
    """The file has the historic tables, which must be migrated before they can be read."""

    slug = "store_too_old"
    exit_code = 6


class StoreTooNewError(AgentStateError):
    """The file's version is above what this program may write."""

    slug = "store_too_new"
    exit_code = 6


class NotAStoreError(AgentStateError):
    """The file is not SQLite, or is another program's."""

    slug = "not_a_store"
    exit_code = 6


class UntrustedSchemaError(AgentStateError):
    """The file's schema would do more on a write than what was asked for, by a trigger, say."""

    slug = "untrusted_schema"
    exit_code = 6


class BadInputError(AgentStateError):
    """The data given cannot be stored: not UTF-8, not JSON, out of range, of the wrong type."""

    slug = "bad_input"
    exit_code = 7
