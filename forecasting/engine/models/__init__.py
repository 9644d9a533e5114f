"""The forecasting models, all behind one protocol (`models/model.py`)."""
