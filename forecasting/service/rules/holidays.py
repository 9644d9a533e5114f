"""The additional data sets that a predictor may ask for: holidays of a country; the weather is not offered here.

Source: AdditionalDataset and SupplementaryFeature in the API reference.
"""

from typing import Any

from forecasting.service.faults import invalid

_CODES = (
    "AE AL AR AT AU BA BE BG BO BR BY CA CH CL CO CR CZ DE DK EC EE ES ET FI FR GR HR HU IE IN IS IT JP KR KZ LI LT "
    "LU LV MD ME MK MT MX NG NI NL NO NZ PA PE PL PT PY RO RS RU SE SI SK UA UK US UY VE ZA"
)
COUNTRIES = frozenset(_CODES.split())


def check_additional(datasets: list[dict[str, Any]]) -> None:
    """AdditionalDatasets of an AutoPredictor."""
    _check_names([one["Name"] for one in datasets])
    for one in datasets:
        codes = one.get("Configuration", {}).get("CountryCode", [])
        if set(one.get("Configuration", {})) != {"CountryCode"} or len(codes) != 1:
            raise invalid('The dataset holiday needs a Configuration such as {"CountryCode": ["US"]}')
        _check_country(codes[0])


def check_supplementary(features: list[dict[str, Any]]) -> None:
    """SupplementaryFeatures of a legacy predictor."""
    _check_names([one["Name"] for one in features])
    for one in features:
        _check_country(one["Value"])


def _check_names(names: list[str]) -> None:
    if "weather" in names:
        raise invalid("The local service does not offer the Weather Index; leave the dataset weather out")
    wrong = [name for name in names if name != "holiday"]
    if wrong:
        raise invalid(f"Invalid additional dataset: {wrong[0]}. Valid names: holiday, weather")
    if len(names) > 1:
        raise invalid("The additional dataset holiday is given twice")


def _check_country(code: str) -> None:
    if code not in COUNTRIES:
        raise invalid(f"Invalid CountryCode: {code}. Valid codes: {', '.join(sorted(COUNTRIES))}")
