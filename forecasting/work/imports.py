"""The job of a dataset import: files of S3 to the data set's table."""

from pathlib import Path

from forecasting.data import importing
from forecasting.service.job import Job, Result
from forecasting.work import aws


def run(job: Job) -> Result:
    """Import; DatasetSize is told in kilobytes, as CloudWatch has it."""
    previous = job.inputs["previous"]
    wanted = importing.Import(job.request, job.inputs["dataset"], Path(previous) if previous else None)
    body = importing.run(wanted, job.folder, client=aws.s3(), report=job.report)
    return Result(body=body, metrics={"DatasetSize": body["DataSize"] * 2**20})
