"""What CloudFormation of the gateway can learn: types of resources, and what is done besides for types it knows.

A kind does its work by calls of the gateway's own API, as AWS's handlers do, so that what a stack makes is what the
API shows. The calls block, so they run on the emulator's worker threads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, str]]
Client = Callable[[str], Any]


@dataclass(frozen=True)
class Kind:
    """A resource type.

    Args:
        type: Such as AWS::MSK::Cluster.
        create: From the properties to what Ref and GetAtt are.
        update: From the physical id and the properties before and now to the same.
        delete: Of a physical id with its properties.
        replacing: Properties whose change makes a new resource.
    """

    type: str
    create: Callable[[Client, Properties], Made]
    update: Callable[[Client, str, Properties, Properties], Made]
    delete: Callable[[Client, str, Properties], None]
    replacing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Addition:
    """What is done besides after the emulator has created or updated a resource of a type that it knows.

    Args:
        type: Such as AWS::S3::Bucket.
        apply: Of the physical id, the properties before (none for a new one) and those now.
    """

    type: str
    apply: Callable[[Client, str, Properties, Properties], None]
