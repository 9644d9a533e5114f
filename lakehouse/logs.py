"""Log lines for people and machines: one JSON object a line on stderr, readable text on a terminal.

Owns the format alone; what is logged and when is the caller's business.
"""

import json
import logging
import sys
import time
from typing import IO, Any

_FIELDS = "lakehouse_fields"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _Readable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in getattr(record, _FIELDS, {}).items())
        text = f"{time.strftime('%H:%M:%S', time.localtime(record.created))} {record.levelname.lower():7} "
        text += f"{record.getMessage()} {fields}".rstrip()
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def configure(level: str = "INFO", stream: IO[str] | None = None) -> None:
    """Send the log of this process to `stream` (stderr by default), as text if that is a terminal."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Readable() if stream.isatty() else _JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING")
    logging.getLogger("saleslake").setLevel(level)


def event(name: str, /, level: int = logging.INFO, exc_info: bool = False, **fields: Any) -> None:
    """Log one event: a name in a few words, and its fields.

    Example:
        >>> event("batch committed", batch_id=7, applied=2000)
    """
    logging.getLogger("saleslake").log(level, name, extra={_FIELDS: fields}, exc_info=exc_info)
