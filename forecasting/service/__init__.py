"""The API of Amazon Forecast on one machine: protocol, validation, resources, states, and jobs in worker processes.

It forecasts nothing itself: what a job does stands in `bodies`, and this package knows no models and reads no data.
"""
