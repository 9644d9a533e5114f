"""What is measured, beside the pipeline of the tutorials: each module with a `run` is a part of docs/benchmarks.md."""

NAMES = (
    "bronze_to_gold",
    "increments",
    "gold_increment",
    "many_batches",
    "replay",
    "freshness",
    "catch_up",
    "recovery",
    "forecast_engine",
    "forecast_import",
    "forecast_service",
    "forecast_pipeline",
    "athena",
    "deploy",
    "dynamodb_ingest",
)
"""The benchmarks, in the order of the page."""
