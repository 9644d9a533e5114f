"""S3 as boto3's client shows it, in a dictionary: for tests of what is read and written, not of S3."""

import io
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody


class MemoryS3:
    """Objects by bucket and key, listed in pages.

    Args:
        objects: Of the bucket `shop`, by key; the only bucket that there is.
        page: Keys of a page.
    """

    def __init__(self, objects: dict[str, bytes] | None = None, page: int = 1000) -> None:
        self.objects = dict(objects or {})
        self.page = page
        self.refusal: tuple[str, int] | None = None
        self.encryption: dict[str, str] = {}

    def refuse(self, code: str, status: int) -> None:
        """Answer every call with this error from now on."""
        self.refusal = (code, status)

    def head_object(self, **given: str) -> dict[str, Any]:
        return {"ContentLength": len(self._body("HeadObject", "404", **given))}

    def get_object(self, **given: str) -> dict[str, Any]:
        body = self._body("GetObject", "NoSuchKey", **given)
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}

    def put_object(self, **given: Any) -> None:
        self._check("PutObject", given.pop("Bucket"))
        body = given.pop("Body")
        self.objects[given.pop("Key")] = body if isinstance(body, bytes) else body.read()
        self.encryption = given

    def list_objects_v2(self, **given: str) -> dict[str, Any]:
        self._check("ListObjectsV2", given["Bucket"])
        after = given.get("ContinuationToken", "")
        keys = sorted(key for key in self.objects if key.startswith(given["Prefix"]) and key > after)
        here, rest = keys[: self.page], keys[self.page :]
        answer: dict[str, Any] = {
            "Contents": [{"Key": key, "Size": len(self.objects[key])} for key in here],
            "IsTruncated": bool(rest),
        }
        return answer | ({"NextContinuationToken": here[-1]} if rest else {})

    def _body(self, operation: str, absent: str, **given: str) -> bytes:
        self._check(operation, given["Bucket"])
        if given["Key"] not in self.objects:
            raise _error(absent, 404, operation)
        return self.objects[given["Key"]]

    def _check(self, operation: str, bucket: str) -> None:
        if self.refusal:
            raise _error(*self.refusal, operation)
        if bucket != "shop":
            raise _error("404" if operation == "HeadObject" else "NoSuchBucket", 404, operation)


def _error(code: str, status: int, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)
