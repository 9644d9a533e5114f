"""A predictor and its accuracy."""

from infra.aws.machine.resource import resource, search
from infra.aws.machine.states import BUSY, SDK, States, call, exists, when


def predictor() -> States:
    """A predictor and its accuracy."""
    found = search("listPredictors", "DatasetGroupArn", "group_arn", ("Predictors", "PredictorName", "name"))
    states = resource(
        "predictor",
        describe=found,
        delete=call("deletePredictor", {"PredictorArn.$": "$.found.PredictorArn"}),
        create={},
        name="$.name",
        done="Measure",
        make="Which kind",
    )
    del states["Make predictor"]
    kinds = {"Make AutoPredictor": "createAutoPredictor", "Make single predictor": "createPredictor"}
    makes = {
        name: {
            "Type": "Task",
            "Resource": f"{SDK}forecast:{action}",
            "InputPath": "$.create",
            "ResultPath": "$.made",
            "Retry": [BUSY],
            "Catch": [exists("Ask for predictor")],
            "Next": "Ask for predictor",
        }
        for name, action in kinds.items()
    }
    return {
        **states,
        "Which kind": {
            "Type": "Choice",
            "Choices": [when("$.kind", "auto", "Make AutoPredictor")],
            "Default": "Make single predictor",
        },
        **makes,
        "Measure": {
            "Type": "Task",
            "Resource": f"{SDK}forecast:getAccuracyMetrics",
            "Parameters": {"PredictorArn.$": "$.found.PredictorArn"},
            "ResultPath": "$.accuracy",
            "Retry": [BUSY],
            "Next": "Trained",
        },
        "Trained": {
            "Type": "Pass",
            "Parameters": {
                "name.$": "$.name",
                "label.$": "$.label",
                "arn.$": "$.found.PredictorArn",
                "results.$": "$.accuracy.PredictorEvaluationResults",
            },
            "End": True,
        },
    }
