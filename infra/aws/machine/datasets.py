"""A data set and the import of this run's rows into it."""

from infra.aws.machine.queries import query
from infra.aws.machine.resource import resource
from infra.aws.machine.states import BUSY, SDK, States, call, exists


def dataset() -> States:
    """A data set and the import of this run into it; its rows are unloaded unless a file is imported."""
    name = "$.import.DatasetImportJobName"
    states = resource(
        "import",
        describe=call("describeDatasetImportJob", {"DatasetImportJobArn.$": "$.import_arn"}),
        delete=call("deleteDatasetImportJob", {"DatasetImportJobArn.$": "$.import_arn"}),
        create={"Resource": f"{SDK}forecast:createDatasetImportJob", "InputPath": "$.import"},
        name=name,
        done="Imported",
        make="Is there a query",
    )
    return {
        # A data set has no state worth waiting for: it is there once it is created.
        "Look for data set": {
            "Type": "Task",
            "Resource": f"{SDK}forecast:createDataset",
            "InputPath": "$.create",
            "ResultPath": "$.made",
            "Retry": [BUSY],
            "Catch": [exists("Look for import")],
            "Next": "Look for import",
        },
        **states,
        "Is there a query": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.needs_query", "BooleanEquals": True, "Next": "Unload"}],
            "Default": "Make import",
        },
        **query("Unload", "rows", given="$.query", seconds="$.poll_seconds", then="Make import"),
        "No rows": {
            "Type": "Fail",
            "Error": "Athena.Failed",
            "CausePath": f"States.Format('{{}}: {{}}', {name}, $.answer.Status.StateChangeReason)",
        },
        "Stopped rows": {"Type": "Fail", "Error": "Athena.Cancelled", "Cause": "the query was stopped"},
        "Imported": {"Type": "Pass", "Parameters": {"kind.$": "$.kind", "import.$": "$.found"}, "End": True},
    }
