"""What a forecast's execution is at, in words for a person who waits for it, and when waiting has no end."""

from collections.abc import Callable

# States of the machine by the phase they begin; others belong to the phase before.
PHASES = {
    "Plan": "plan",
    "Wait for the run before": "wait for another run of it to end",
    "Import": "unload rows with Athena and import them",
    "Train": "train predictors and measure them",
    "Approve": "wait for approval: python -m infra forecast-approve {name}",
    "Forecast": "forecast and export",
    "Is it loaded": "wait for the driver to load it into gold",
    "Clean up": "clean up",
    "End": "done",
}
LOADING = ("Is it loaded", "Has it been loaded", "Wait for the driver")
NOT_LOADED = "it is made but not in gold: no driver runs; run `make up`, which loads it, then this again to see it"


class Phases:
    """Says each phase of each forecast once, and gives up on one that waits for a driver that does not run.

    Args:
        say: Takes a line.
        is_driver_gone: Whether nobody is going to load a run.
    """

    def __init__(self, say: Callable[[str], None], is_driver_gone: Callable[[], bool]) -> None:
        self._say, self._is_driver_gone = say, is_driver_gone
        self._said: set[tuple[str, str]] = set()

    def __call__(self, name: str, state: str, seconds: float) -> str:
        """Take note of a state; why there is no use in waiting, "" if there is.

        Example:
            >>> phases = Phases(print, lambda: True)
            >>> phases("tea", "Train", 7.25), phases("tea", "Train", 8.0)
                 7.2 s  tea: train predictors and measure them
            ('', '')
        """
        phase = PHASES.get("Is it loaded" if state in LOADING else state, "")
        if phase and (name, phase) not in self._said:
            self._said.add((name, phase))
            self._say(f"  {seconds:6.1f} s  {name}: {phase.format(name=name)}")
        return NOT_LOADED if state in LOADING and self._is_driver_gone() else ""
