"""Files that were sent: kept once, and known by their ids from then on."""

import mimetypes
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import aiohttp

from sandbox.errors import bad_request
from sandbox.images import size_of
from sandbox.parameters import Upload

MEGABYTE = 1024 * 1024
# Bot API: sending files.
LARGEST = {"photo": 10 * MEGABYTE, "document": 50 * MEGABYTE}
LARGEST_BY_LINK = {"photo": 5 * MEGABYTE, "document": 20 * MEGABYTE}
LARGEST_DOWNLOAD = 20 * MEGABYTE  # Bot API: getFile
LONGEST_SIDES, LARGEST_RATIO = 10_000, 20  # Bot API: sendPhoto
PATIENCE_SECONDS = 10
TITLES = {"photo": "Photo", "document": "Document"}
NOT_THERE = "wrong file identifier/HTTP URL specified"


@dataclass(frozen=True)
class StoredFile:
    """A file at Telegram; its content lies apart."""

    id: str
    unique_id: str
    kind: str  # photo or document
    name: str
    type: str
    path: str  # where it can be downloaded
    size: int
    width: int = 0
    height: int = 0

    def as_message(self) -> dict[str, Any]:
        """Return what a message that carries it says."""
        ids = {"file_id": self.id, "file_unique_id": self.unique_id, "file_size": self.size}
        if self.kind == "photo":
            # Telegram makes smaller sizes as well, and tells the largest last.
            return {"photo": [{**ids, "width": self.width, "height": self.height}]}
        return {"document": {"file_name": self.name, "mime_type": self.type, **ids}}

    def as_file(self) -> dict[str, Any]:
        """Return it as getFile does."""
        ids = {"file_id": self.id, "file_unique_id": self.unique_id}
        return {**ids, "file_size": self.size, "file_path": self.path}


class Files:
    """Every file; in memory, and in a folder where one is given."""

    def __init__(self) -> None:
        self.by_id: dict[str, StoredFile] = {}
        self.contents: dict[str, bytes] = {}
        self.folder: Path | None = None

    def add(self, kind: str, upload: Upload, *, largest: int | None = None) -> StoredFile:
        """Keep a file.

        :raise ApiError: empty, too large, or a photo that is no picture
        """
        if not upload.content:
            raise bad_request("file must be non-empty")
        if len(upload.content) > (largest or LARGEST[kind]):
            raise bad_request("file is too big")
        width, height = _picture(upload.content) if kind == "photo" else (0, 0)
        stored = self._stored(kind, upload, width, height)
        self.by_id[stored.id] = stored
        self.contents[stored.id] = upload.content
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / stored.id).write_bytes(upload.content)
        return stored

    def get(self, file_id: str, kind: str) -> StoredFile:
        """Return a file that was sent before.

        :raise ApiError: there is none of this id, or it is of another kind
        """
        stored = self.by_id.get(file_id)
        if stored is None:
            raise bad_request(NOT_THERE)
        if stored.kind != kind:
            raise bad_request(f"can't use file of type {TITLES[stored.kind]} as {TITLES[kind]}")
        return stored

    def at(self, path: str) -> StoredFile | None:
        return next((one for one in self.by_id.values() if one.path == path), None)

    def content(self, stored: StoredFile) -> bytes:
        return self.contents[stored.id]

    async def read(self, params: dict[str, Any], name: str, kind: str = "") -> StoredFile:
        """Return the file that a call sends: with it, by its id, or by a link.

        :raise ApiError: there is none, or it cannot be had
        """
        kind = kind or name
        value = params.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            value = params.get(value.removeprefix("attach://"), "")
        if isinstance(value, Upload):
            return self.add(kind, value)
        if not isinstance(value, str) or not value:
            raise bad_request(f"there is no {kind} in the request")
        if value.startswith(("http://", "https://")):
            return self.add(kind, await _fetch(value), largest=LARGEST_BY_LINK[kind])
        return self.get(value, kind)

    def snapshot(self) -> list[dict[str, Any]]:
        return [asdict(one) for one in self.by_id.values()]

    def restore(self, kept: list[dict[str, Any]]) -> None:
        """Know again the files whose contents are still in the folder."""
        for one in (StoredFile(**facts) for facts in kept):
            file = self.folder / one.id if self.folder else None
            if file and file.exists():
                self.by_id[one.id], self.contents[one.id] = one, file.read_bytes()

    def clear(self) -> None:
        for one in self.by_id.values():
            if self.folder:
                (self.folder / one.id).unlink(missing_ok=True)
        self.by_id.clear()
        self.contents.clear()

    def _stored(self, kind: str, upload: Upload, width: int, height: int) -> StoredFile:
        name = PurePosixPath(upload.name.replace("\\", "/")).name or "file"
        guessed = upload.type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        ending = ".jpg" if kind == "photo" else PurePosixPath(name).suffix
        return StoredFile(
            id=f"{'AgAC' if kind == 'photo' else 'BQAC'}{secrets.token_urlsafe(40)}",
            unique_id=f"AQAD{secrets.token_urlsafe(9)}",
            kind=kind,
            name=name,
            type=guessed,
            path=f"{kind}s/file_{len(self.by_id)}{ending}",
            size=len(upload.content),
            width=width,
            height=height,
        )


def _picture(content: bytes) -> tuple[int, int]:
    size = size_of(content)
    if size is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    if sum(size) > LONGEST_SIDES or max(size) > LARGEST_RATIO * min(size):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return size


async def _fetch(link: str) -> Upload:
    try:
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(link) as answer:
            if answer.status != 200:
                raise bad_request("failed to get HTTP URL content")
            content = await answer.content.read(LARGEST["document"])
            name = PurePosixPath(answer.url.path).name
            return Upload(name, answer.content_type, content)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        raise bad_request("failed to get HTTP URL content") from None
