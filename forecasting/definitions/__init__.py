"""What forecasts there are: forecasting/forecasts.yaml as typed definitions, checked before anything runs."""
