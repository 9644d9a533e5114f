"""Which resources of a forecast are no longer kept, by the number of runs and by their age; deletes nothing."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from forecasting.definitions.definition import Definition

# Operation, member and ARN of what a run has of its own.
LISTS = (
    ("list_forecasts", "Forecasts", "ForecastArn"),
    ("list_predictors", "Predictors", "PredictorArn"),
    ("list_dataset_import_jobs", "DatasetImportJobs", "DatasetImportJobArn"),
)
_RUN = r"(?P<run>[a-z2-7]{14})"
_ARN = re.compile(
    rf"arn:[^:]+:forecast:[^:]*:[^:]*:(forecast/(?P<a>[a-z0-9_]+)_{_RUN}"
    rf"|predictor/(?P<b>[a-z0-9_]+)_{_RUN.replace('run', 'run2')}_\d(_[0-9A-Z]{{26}})?"
    rf"|dataset-import-job/(?P<c>[a-z0-9_]+)_[a-z2-7]{{5}}_(target|related|metadata)/run_{_RUN.replace('run', 'run3')})"
)
_SHARED = re.compile(
    r"arn:[^:]+:forecast:[^:]*:[^:]*:(dataset/([a-z0-9_]+)_[a-z2-7]{5}_(target|related|metadata)"
    r"|dataset-group/([a-z0-9_]+)_[a-z2-7]{5})"
)


@dataclass(frozen=True)
class Resource:
    """A resource of a run."""

    arn: str
    run: str
    created_at: datetime


def owner(arn: str) -> tuple[str, str]:
    """The forecast and the run of a resource; ("", "") for one that is not ours.

    Example:
        >>> owner("arn:aws:forecast:eu-west-1:000000000000:predictor/tea_abcdefghijklmn_1_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        ('tea', 'abcdefghijklmn')
    """
    found = _ARN.fullmatch(arn)
    if found is None:
        return "", ""
    groups = found.groupdict()
    return next(groups[one] for one in "abc" if groups[one]), next(
        groups[one] for one in ("run", "run2", "run3") if groups[one]
    )


def shared_owner(arn: str) -> str:
    """The forecast of a data set or a data set group, which its runs share; "" for one that is not ours.

    Example:
        >>> shared_owner("arn:aws:forecast:eu-west-1:000000000000:dataset/tea_abcde_target")
        'tea'
    """
    found = _SHARED.fullmatch(arn)
    return (found.group(2) or found.group(4)) if found else ""


def serving(trained: Sequence[Resource], definition: Definition, prefix: str, now: datetime) -> str:
    """The newest run whose predictors are young enough to serve once more; "" if another has to train.

    Args:
        trained: ACTIVE predictors of the forecast.
        definition: How long they serve, and how many a run has.
        prefix: `definition_id`: those of another definition do not serve.
        now: With a time zone.
    """
    oldest = now - timedelta(days=definition.retrain_days)
    young = [one for one in trained if one.run.startswith(prefix) and one.created_at >= oldest]
    counts = Counter(one.run for one in young)
    whole = [one for one in young if counts[one.run] == len(definition.predictors)]
    return max(whole, key=lambda one: one.created_at).run if whole and definition.retrain_days else ""


def surplus(
    resources: Sequence[Resource], definition: Definition, *, now: datetime, newest: Collection[str],
    unwanted: str = "",
) -> list[str]:  # fmt: skip
    """ARNs to delete, each after those that were made of it.

    Args:
        resources: Of the forecast.
        definition: How many runs are kept, and how long.
        now: With a time zone.
        newest: The run that has just been made and the one that trained its predictor, which are kept.
        unwanted: A run that is not kept, however new it is; "" for none.
    """
    began: dict[str, datetime] = {}
    for one in resources:
        began[one.run] = min(began.get(one.run, one.created_at), one.created_at)
    order = sorted(began.keys() - {unwanted}, key=lambda run: (run in newest, began[run]), reverse=True)
    kept = {*order[: definition.keep_runs], *newest} - {unwanted}
    if definition.keep_days:
        oldest = now - timedelta(days=definition.keep_days)
        kept -= {run for run in kept if began[run] < oldest and run not in newest}
    gone = [one for one in resources if one.run not in kept]
    return [one.arn for one in sorted(gone, key=lambda one: one.created_at, reverse=True)]
