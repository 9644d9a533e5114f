"""The ways in that rounds are run on: the stack, its faults and what its tables must hold, by the name of the way."""

from collections.abc import Callable
from dataclasses import dataclass

from lakehouse import places
from lakehouse.settings import Settings
from tests.chaos import faults, table_faults
from tests.chaos.expected import Expected
from tests.chaos.faults import Fault
from tests.chaos.proxy import Proxy
from tests.chaos.stack import Stack
from tests.chaos.table import TableStack, envelope
from tests.chaos.topic import TopicStack


@dataclass(frozen=True)
class Way:
    """A way in.

    Args:
        name: Of its results' file and of their table's marks.
        stack: Makes its stack.
        faults: What may befall it.
    """

    name: str
    stack: Callable[[Settings, Proxy], Stack]
    faults: tuple[Fault, ...]

    def expected(self, stack: Stack) -> Expected:
        """What the tables of a stack must hold, over the rounds on it."""
        zone, folder = stack.settings.business_timezone, stack.settings.data_path
        if isinstance(stack, TableStack):
            marks = stack.marks
            return Expected(folder, zone, stack.sink, lambda: map(envelope, marks))
        return Expected(folder, zone, stack.sink)


WAYS = {
    places.KAFKA: Way("chaos", TopicStack, faults.FAULTS),
    places.DYNAMODB: Way("chaos-dynamodb", TableStack, table_faults.FAULTS),
}
