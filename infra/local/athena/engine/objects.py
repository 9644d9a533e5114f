"""From keys in S3 to files on this machine: the bodies of the gateway's objects, linked into a query's folder.

It runs in the gateway's process, which alone knows where a body lies, and imports nothing heavy. A link keeps what a
query reads, whatever is deleted or overwritten meanwhile.
"""

import errno
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lakehouse.errors import SourceError
from lakehouse.settings import Settings

_DEFAULT_ACCOUNT = "000000000000"


class Bodies(Protocol):
    """Where bodies lie; infra.local.durable has it for the gateway."""

    def path(self, account: str, bucket: str, key: str) -> Path:
        """The file of an object's current body."""
        ...


class Objects:
    """The gateway's objects as files.

    Args:
        settings: Whose access key says which account is meant, as the gateway itself takes it.
        bodies: Where they lie; the gateway's own by default.
    """

    def __init__(self, settings: Settings, bodies: Bodies | None = None) -> None:
        key = settings.aws_access_key_id
        self._account = key if re.fullmatch(r"\d{12}", key) else _DEFAULT_ACCOUNT
        self._bodies = bodies

    def path(self, bucket: str, key: str) -> Path:
        """The file of an object's current body; open it at once, it is removed with the object.

        Raises:
            SourceError: There is no such object.
        """
        if self._bodies is None:
            from infra.local import durable  # noqa: PLC0415  (there once the gateway is set up)

            self._bodies = durable.installed()
        return self._bodies.path(self._account, bucket, key)

    def link(self, bucket: str, targets: Mapping[str, Path]) -> dict[str, int]:
        """Link the current body of each key to a path; the folders are made.

        Returns:
            The size of each, in bytes.

        Raises:
            SourceError: There is no such object; or the disk refuses.
        """
        folders = {target.parent for target in targets.values()}
        try:
            for folder in folders:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return {key: self._link(bucket, key, target) for key, target in targets.items()}
        except OSError as fault:
            raise SourceError(f"objects of s3://{bucket}: {fault}", "", "see whether the disk is full") from fault

    def _link(self, bucket: str, key: str, target: Path) -> int:
        for is_last in (False, True):
            body = self.path(bucket, key)
            try:
                os.link(body, target)
                break
            except FileNotFoundError as fault:
                # Overwritten since it was looked up: the next look finds the new one.
                if is_last:
                    raise SourceError(f"object s3://{bucket}/{key} has no body", "", "run `make reset`") from fault
            except OSError as fault:
                if fault.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                    raise
                shutil.copyfile(body, target)
                break
        return target.stat().st_size
