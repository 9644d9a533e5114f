"""Which function makes what, by operation."""

from collections.abc import Callable

from forecasting.service.creation import datasets, results, training
from forecasting.service.creation.draft import Draft
from forecasting.service.store import Json
from forecasting.service.view import View

# By operation, since a predictor is made in two ways.
CREATIONS: dict[str, tuple[str, Callable[[Json, View], Draft]]] = {
    "CreateDataset": ("dataset", datasets.dataset),
    "CreateDatasetGroup": ("dataset-group", datasets.dataset_group),
    "CreateDatasetImportJob": ("dataset-import-job", datasets.dataset_import_job),
    "CreatePredictor": ("predictor", training.predictor),
    "CreateAutoPredictor": ("predictor", training.auto_predictor),
    "CreatePredictorBacktestExportJob": ("predictor-backtest-export-job", results.backtest_export),
    "CreateForecast": ("forecast", results.forecast),
    "CreateForecastExportJob": ("forecast-export-job", results.forecast_export),
    "CreateWhatIfAnalysis": ("what-if-analysis", results.what_if_analysis),
    "CreateWhatIfForecast": ("what-if-forecast", results.what_if_forecast),
    "CreateWhatIfForecastExport": ("what-if-forecast-export", results.what_if_export),
}
