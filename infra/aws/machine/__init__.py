"""infra/aws/forecast.asl.json, made by functions, since each resource is made in the same ten steps.

The file is what AWS and the gateway read; `python -m infra docs` writes it from here, and a test compares. JSONPath
throughout, but for lists that are searched by name (an AutoPredictor's ARN has a part that only the service knows).
"""

from infra.aws.machine.definition import FILE, document, machine

__all__ = ["FILE", "document", "machine"]
