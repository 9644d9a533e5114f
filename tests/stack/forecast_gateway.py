"""The gateway with a Forecast service of small jobs, run as a process: what a job does is the first word of its name,
and a query is answered from what the job made."""

import sys
import time
from pathlib import Path
from typing import Any

from forecasting.service import query
from infra.local import gateway
from infra.local.forecast import Forecast
from lakehouse.errors import ContractError
from lakehouse.settings import load

WORKER = (sys.executable, str(Path(__file__).parents[1] / "unit" / "forecast_worker.py"))


class Reader:
    """In the place of `forecasting.data.query`."""

    class NotFoundError(ContractError):
        pass

    def answer(self, folder: Path, filters: dict[str, str], start: str | None, end: str | None) -> dict[str, Any]:
        name = (folder / "made.txt").read_text(encoding="utf-8")
        if filters.get("item_id") == "slow":
            while not (folder.parents[1] / "answer").exists():
                time.sleep(0.005)
        if filters.get("item_id") == "absent":
            raise self.NotFoundError("no forecast of item_id=absent")
        if "item_id" not in filters:
            raise ContractError("no filter on item_id")
        points = [{"Timestamp": start or "2024-01-01T00:00:00", "Value": float(len(name))}]
        return {"Forecast": {"Predictions": {"p50": points}}}


if __name__ == "__main__":
    settings = load(dotenv=None)
    query.reader = Reader  # type: ignore[assignment]
    plugin = Forecast(settings, settings.data_path / gateway.NAME / Forecast.name, WORKER)
    gateway.serve(settings, *gateway.address(settings), services=[plugin])
    sys.exit(0)
