"""The forecasting engine: panels in, quantiles and means out; it knows no AWS, no clock and no environment."""
