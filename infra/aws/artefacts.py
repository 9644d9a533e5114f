"""What stacks are deployed with besides their templates: packages in the bucket, under keys that tell their content."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lakehouse import places

# A stack's parameter that names an artefact's key, to the artefact.
WANTED: Mapping[str, Mapping[str, str]] = {
    "streaming": {"CodeKey": "transform.zip"},
    "kafka": {"CodeKey": "kafka-functions.zip", "PluginKey": "saleslake-s3-sink.zip"},
    "processing": {
        "MainKey": "main.py",
        "WheelKey": "saleslake.zip",
        "JarKey": "saleslake-spark.jar",
        "PackagesKey": "job-packages.tar.gz",
    },
    "forecasting": {"CodeKey": "forecast-functions.zip", "DefinitionKey": "forecast-machine.json"},
}


class Artefacts:
    """The artefacts of the stacks, built when they are first asked for.

    Args:
        s3: Client of the account.
        builders: Make an artefact of a name that `WANTED` has.
    """

    def __init__(self, s3: Any, builders: Mapping[str, Callable[[], bytes]]) -> None:
        self._s3, self._builders = s3, builders
        self._built: dict[str, bytes] = {}

    def keys(self, part: str) -> dict[str, str]:
        """The parameters of a stack that name artefacts."""
        return {parameter: self._key(name) for parameter, name in WANTED.get(part, {}).items()}

    def upload(self, part: str, bucket: str) -> dict[str, str]:
        """The same, with each artefact in the bucket."""
        for name in WANTED.get(part, {}).values():
            key = self._key(name)
            try:
                self._s3.head_object(Bucket=bucket, Key=key)
            except ClientError as fault:
                if fault.response["Error"]["Code"] not in ("404", "NoSuchKey", "NotFound"):
                    raise
                self._s3.put_object(Bucket=bucket, Key=key, Body=self._body(name))
        return self.keys(part)

    def _body(self, name: str) -> bytes:
        if name not in self._built:
            self._built[name] = self._builders[name]()
        return self._built[name]

    def _key(self, name: str) -> str:
        stem, dot, suffix = name.partition(".")
        return f"{places.CODE}{stem}-{hashlib.sha256(self._body(name)).hexdigest()[:16]}{dot}{suffix}"


def version(key: str) -> str:
    """The digest in an artefact's key.

    Example:
        >>> version("code/saleslake-s3-sink-0123456789abcdef.zip")
        '0123456789abcdef'
    """
    return key.rpartition("-")[2].partition(".")[0]
