"""The named steps of a batch, each known by the S3 request that makes it: no hook in the product is needed."""

from dataclasses import dataclass
from random import Random

from tests.chaos.rules import Call, Rule
from tests.chaos.stack import Stack


@dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    Args:
        name: In the results.
        key: A regular expression for the key of the object whose writing is the step.
        process: Who takes it.
    """

    name: str
    key: str
    process: str = "spark"


STEPS = (
    Step("bronze object", r"^bronze/", "connect"),
    Step("plan", r"^ops/plans/"),
    Step("rejected commit", r"^silver/rejected/_delta_log/\d+\.json$"),
    Step("silver files", r"^silver/order_lines/.*\.parquet$"),
    Step("silver commit", r"^silver/order_lines/_delta_log/\d+\.json$"),
    Step("result", r"^ops/results/"),
    Step("gold files", r"^gold/daily_.*\.parquet$"),
    Step("product gold commit", r"^gold/daily_product_sales/_delta_log/\d+\.json$"),
    Step("country gold commit", r"^gold/daily_sales/_delta_log/\d+\.json$"),
    Step("progress", r"^ops/progress\.json$"),
    Step("ops.batches commit", r"^ops/batches/_delta_log/\d+\.json$"),
    Step("ops.bronze_objects commit", r"^ops/bronze_objects/_delta_log/\d+\.json$"),
    Step("lease", r"^ops/lease\.json$"),
)


def kill_at(stack: Stack, step: Step, *, after: bool, rng: Random) -> Rule:
    """Kill the process that takes the step when it takes it next: before it is done, or done and not yet known.

    Of the driver, the JVM judges and Python writes, but for large batches; either may die alone.
    """
    part = rng.choice(("all", "parent", "children")) if step.process == "spark" else "all"
    rule = Rule(Call(lambda: stack.kill(step.process, part), after), ("PUT", "POST"), step.key)
    return stack.proxy.add(rule)
