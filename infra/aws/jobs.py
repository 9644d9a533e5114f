"""The Spark jobs as EMR Serverless takes them: entry point, arguments, environment and size. Calls nothing.

The same definitions run on the gateway; what differs between the two comes of settings and sizes, as everywhere.
"""

import json
from collections.abc import Mapping
from typing import Any

from infra.aws.environment import Environment
from lakehouse.settings import SUBMITTED, Settings

# Of the image of emr-spark-8.1.0, as EMR's guide has it since 7.0.
_DELTA = "/usr/share/aws/delta/lib/delta-spark.jar,/usr/share/aws/delta/lib/delta-storage.jar"
_PYTHON = "/usr/bin/python3.11"
FOLDER = "packages"


def driver(
    command: str, environment: Environment, settings: Settings, bucket: str, keys: Mapping[str, str]
) -> dict[str, Any]:
    """The driver of a job, as StartJobRun's `jobDriver` has it.

    Args:
        command: Of `python -m spark_jobs`.
        environment: Its size.
        settings: Where the AWS API answers.
        bucket: Of the lake.
        keys: Of the artefacts: MainKey, WheelKey, JarKey, PackagesKey.
    """
    return {
        "sparkSubmit": {
            "entryPoint": f"s3://{bucket}/{keys['MainKey']}",
            "entryPointArguments": [*_given(environment, settings, bucket), command],
            "sparkSubmitParameters": " ".join(_parameters(environment, bucket, keys)),
        }
    }


def text(command: str, environment: Environment, settings: Settings, bucket: str, keys: Mapping[str, str]) -> str:
    """The same as a schedule's input has it: JSON with names in capitals."""
    found = driver(command, environment, settings, bucket, keys)["sparkSubmit"]
    return json.dumps({"SparkSubmit": {name[0].upper() + name[1:]: value for name, value in found.items()}})


def run(part: Mapping[str, str], name: str, job_driver: Mapping[str, Any], token: str) -> dict[str, Any]:
    """A request to StartJobRun; a driver that streams is started anew for ever, another is tried twice."""
    is_stream = name == "stream"
    return {
        "applicationId": part["ApplicationId"],
        "clientToken": token,
        "executionRoleArn": part["JobRole"],
        "name": name,
        "mode": "STREAMING" if is_stream else "BATCH",
        "retryPolicy": {"maxFailedAttemptsPerHour": 5} if is_stream else {"maxAttempts": 2},
        "jobDriver": dict(job_driver),
        **({} if is_stream else {"executionTimeoutMinutes": 720}),
    }


def _given(environment: Environment, settings: Settings, bucket: str) -> list[str]:
    """Settings of the job; the keys of the AWS API are its role's."""
    values = {
        "AWS_ENDPOINT_URL": settings.aws_endpoint_url,
        "AWS_DEFAULT_REGION": environment.region,
        "BUCKET": bucket,
        "DATABASE_PREFIX": environment.database_prefix,
        "CLOUDWATCH_NAMESPACE": f"saleslake/{environment.name}",
        "REJECTED_SHARE_ALARM": environment.rejected_share,
        "BUSINESS_TIMEZONE": environment.business_timezone,
        "UNKNOWN_COLUMNS": environment.unknown_columns,
        "TOMBSTONE_RETENTION_DAYS": environment.tombstone_retention_days,
        "SPARK_MASTER": SUBMITTED,
        "SPARK_CORES": environment.driver_cores,
        "DELETED_FILE_RETENTION_HOURS": 24,
        "METRICS_PORT": 0,
        "DATA_DIR": "/tmp/saleslake",  # noqa: S108 (a driver is alone in its container)
    }
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


def _parameters(environment: Environment, bucket: str, keys: Mapping[str, str]) -> list[str]:
    place = f"s3://{bucket}/"
    memory = environment.driver_gigabytes
    confs = {
        "spark.submit.pyFiles": place + keys["WheelKey"],
        "spark.jars": f"{place}{keys['JarKey']},{_DELTA}",
        "spark.archives": f"{place}{keys['PackagesKey']}#{FOLDER}",
        "spark.driver.cores": environment.driver_cores,
        # EMR adds a tenth for what is not the JVM's; Python has its part of the rest.
        "spark.driver.memory": f"{max(memory * 6 // 10, 1)}g",
        "spark.driver.memoryOverhead": f"{max(memory * 3 // 10, 1)}g",
        "spark.executor.cores": environment.driver_cores,
        "spark.executor.memory": f"{max(memory * 8 // 10, 1)}g",
        "spark.executor.instances": environment.executors,
        "spark.dynamicAllocation.maxExecutors": environment.executors,
    }
    for side in ("spark.emr-serverless.driverEnv", "spark.executorEnv"):
        confs |= {f"{side}.PYTHONPATH": f"./{FOLDER}", f"{side}.PYSPARK_PYTHON": _PYTHON}
    confs["spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON"] = _PYTHON
    return [part for name, value in confs.items() for part in ("--conf", f"{name}={value}")]
