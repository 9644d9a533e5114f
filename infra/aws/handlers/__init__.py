"""Lambda functions of the forecasts: parse, call one function of forecasting/pipeline, return."""
