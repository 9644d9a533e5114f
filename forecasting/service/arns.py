"""Names of resources: ARNs in the forms that Amazon Forecast gives them, and ULIDs.

It builds and takes apart text; whether a resource exists is the store's business.
"""

import secrets
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def arn(region: str, account: str, *parts: str) -> str:
    """The ARN of a resource; `parts` are its kind and its names.

    Example:
        >>> arn("eu-west-1", "000000000000", "dataset-import-job", "sales", "monday")
        'arn:aws:forecast:eu-west-1:000000000000:dataset-import-job/sales/monday'
    """
    return f"arn:aws:forecast:{region}:{account}:{'/'.join(parts)}"


def names(text: str) -> tuple[str, ...]:
    """Kind and names of an ARN; empty for what is none.

    Example:
        >>> names("arn:aws:forecast:eu-west-1:000000000000:forecast/sales")
        ('forecast', 'sales')
    """
    parts = text.split(":", 5)
    return tuple(parts[5].split("/")) if len(parts) == 6 else ()


def ulid() -> str:
    """A new ULID: 48 bits of milliseconds and 80 random bits in Crockford's base 32, so that they sort by age.

    Source: https://github.com/ulid/spec
    """
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
