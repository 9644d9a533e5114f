"""A resource's step into its next state: the row and the word of it, in one place."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from forecasting.service.notices import Notices
from forecasting.service.store import Resource, Store


@dataclass(frozen=True)
class Transitions:
    """How the manager writes states.

    Attributes:
        store: All resources.
        clock: Epoch seconds.
        notices: Who is told.
    """

    store: Store
    clock: Callable[[], float]
    notices: Notices

    def set(self, resource: Resource, status: str, **values: Any) -> None:
        """Write a state, with what else changes, and tell of it."""
        now = self.clock()
        self.store.change(resource.number, **{"status": status, "modified_at": now, **values})
        self.notices.state(replace(resource, status=status), status, values.get("message", ""), now)
