"""From gold to forecasts and back, through the Amazon Forecast API."""
