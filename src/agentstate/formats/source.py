"""Where a session is read from: a file, a compressed one, or what came through a pipe."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from agentstate.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer as Buffer

HEAD: Final = 1 << 16
"""Bytes by which a format is known."""
_TAIL: Final = 1 << 16
_CHUNK: Final = 1 << 17
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


class Source:
    """Something that can be read, more than once, from its start."""

    def __init__(self, name: str, open_raw: Callable[[], BinaryIO], modified_at: int) -> None:
        """Name a source; `open_raw` gives its bytes, `modified_at` is in Unix seconds."""
        self.name = name
        """Its path; `-` for standard input."""
        self.modified_at = modified_at
        self.watch: Callable[[int], object] | None = None
        """Told of each read of an opened source how many bytes of the file it took."""
        self._open_raw = open_raw

    @classmethod
    def of_file(cls, path: Path) -> Source:
        """Return a file as a source; raises `OSError` where there is none."""
        return cls(str(path), lambda: path.open("rb", buffering=0), int(path.stat().st_mtime))

    @classmethod
    def of_bytes(cls, name: str, data: bytes, modified_at: int) -> Source:
        """Return bytes as a source."""
        return cls(name, lambda: cast("BinaryIO", io.BytesIO(data)), modified_at)

    @property
    def path(self) -> Path:
        """The name as a path."""
        return Path(self.name)

    @property
    def size(self) -> int:
        """Its bytes, compressed as they may be; 0 where it cannot be opened."""
        with suppress(OSError), self._open_raw() as file:
            return file.seek(0, io.SEEK_END)
        return 0

    @cached_property
    def head(self) -> bytes:
        """Its first bytes, up to `HEAD` of them."""
        with self._decompressed(self._buffered(None)) as file:
            return file.read(HEAD)

    @cached_property
    def tail(self) -> bytes:
        """Its last bytes; nothing where they cannot be had without reading it all."""
        with self._buffered(None) as file:
            if file.read(4) == _ZSTD:
                return b""
            file.seek(0, io.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read()

    def open(self) -> BinaryIO:
        """Open it at its start, decompressed.

        Raises `OSError`, and `BadInputError` for a compressed file that this Python cannot read.
        """
        return self._decompressed(self._buffered(self.watch))

    def _buffered(self, watch: Callable[[int], object] | None) -> io.BufferedReader:
        return io.BufferedReader(_Watched(self._open_raw(), watch), _CHUNK)

    def _decompressed(self, file: io.BufferedReader) -> BinaryIO:
        return _decompressed(file, self.name) if file.peek(4)[:4] == _ZSTD else file


class _Watched(io.RawIOBase):
    """A file that tells how much of it is read."""

    def __init__(self, file: BinaryIO, watch: Callable[[int], object] | None) -> None:
        self._file = cast("io.RawIOBase", file)
        self._watch = watch

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Buffer) -> int:
        size = self._file.readinto(buffer) or 0
        if self._watch is not None:
            self._watch(size)
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def _decompressed(file: io.BufferedReader, name: str) -> BinaryIO:
    try:
        from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415 - few files need it
    except ImportError as error:
        file.close()
        raise BadInputError(
            f"{name} is compressed with Zstandard; to read it, install agentstate[zstd]"
        ) from error

    class Decompressed(io.RawIOBase):
        """What comes out; a file that was cut short ends there, as a plain one does."""

        def __init__(self) -> None:
            self._stream = ZstdDecompressor().stream_reader(file, read_across_frames=True)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Buffer) -> int:
            try:
                return self._stream.readinto(buffer)
            except ZstdError:
                return 0

        def close(self) -> None:
            file.close()
            super().close()

    return cast("BinaryIO", io.BufferedReader(Decompressed(), _CHUNK))
