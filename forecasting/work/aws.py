"""The worker's clients of AWS, made of the settings in its environment."""

from typing import Any

import boto3
from botocore.config import Config

from lakehouse import settings


def s3() -> Any:
    """A client of S3 that tries again what may pass."""
    patient = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=60)
    return boto3.client("s3", config=patient, **settings.load(dotenv=None).client_arguments)
