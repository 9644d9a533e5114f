"""What this machine must have before the stack can start, checked one by one.

Each check says in one line what is wrong and what to do. Changes nothing.
"""

import ctypes
import functools
import importlib.util
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from forecasting.service.bodies import OPENMP
from infra.local import jars, javac, machine, stack
from infra.local.daemon import Daemon
from infra.local.java import find_java
from infra.local.supervision import DOWN, check_ports
from lakehouse.errors import ConfigError, LakehouseError
from lakehouse.settings import Settings

DISK_BYTES = 2 * 1024**3
MEMORY_BYTES = 3 * 1024**3

Check = Callable[[Settings], str]
Finding = tuple[str, LakehouseError | None, str]
"""What a check is about, what is wrong (None if nothing), and what was found."""

# By process: what raises a ConfigError if an artefact of it is missing.
_ARTEFACTS: dict[str, tuple[Callable[[Settings], object], ...]] = {
    "broker": (lambda settings: jars.folder(settings, "kafka"),),
    "connect": (lambda settings: jars.folder(settings, "kafka"), javac.sink_jar),
    "spark": (lambda settings: jars.folder(settings, "spark"), javac.spark_jar),
}


def examine(settings: Settings, names: Iterable[str] = ()) -> list[Finding]:
    """Make every check for the named processes; without a name for all, and for what works beside them."""
    names = list(names)
    wanted = names or list(stack.PROCESSES)
    checks: list[tuple[str, Check]] = [
        ("disk", disk),
        ("memory", memory),
        ("ports", lambda settings: ports(settings, wanted)),
    ]
    if set(wanted) - {"gateway"}:
        checks += [("java", java), ("artefacts", lambda settings: artefacts(settings, wanted))]
    if not names:
        checks.append(("forecasts", forecasts))  # the stream of changes does without them
    return [make(subject, functools.partial(check, settings)) for subject, check in checks]


def make(subject: str, check: Callable[[], str]) -> Finding:
    """Make one check, which raises what is wrong and returns what it found."""
    try:
        return subject, None, check()
    except LakehouseError as fault:
        return subject, fault, ""


def java(settings: Settings) -> str:
    """Java 17 or 21 is there."""
    found = find_java(settings)
    return f"Java {found.major} in {found.home}"


def artefacts(settings: Settings, names: Iterable[str]) -> str:
    """What the named processes need of the JVM artefacts has been fetched, and their plugins are compiled."""
    for name in names:
        for present in _ARTEFACTS.get(name, ()):
            present(settings)
    return f"in {settings.cache_path}"


def forecasts(_: Settings) -> str:
    """LightGBM, which predictors need, can be loaded: its library alone, which takes milliseconds."""
    found = importlib.util.find_spec("lightgbm")
    folder = Path(found.origin).parent if found and found.origin else Path()
    library = next((one for one in folder.glob("*/lib_lightgbm.*") if found), None)
    if library is None:
        raise ConfigError("no package lightgbm", "it in the environment", "run `make install`")
    try:
        ctypes.CDLL(str(library))
    except OSError as fault:
        raise ConfigError(f"LightGBM cannot be loaded: {fault}", *OPENMP) from fault
    return "LightGBM can be loaded"


def disk(settings: Settings) -> str:
    """There is room for the data."""
    free = shutil.disk_usage(_existing(settings.data_path)).free
    if free < DISK_BYTES:
        raise ConfigError(
            f"{_size(free)} free for {settings.data_path}", f"at least {_size(DISK_BYTES)}", "make room or set DATA_DIR"
        )
    return f"{_size(free)} free for {settings.data_path}"


def memory(settings: Settings) -> str:
    """There is memory for what does not run yet."""
    available = psutil.virtual_memory().available
    if available < MEMORY_BYTES and not _running(settings):
        raise ConfigError(
            f"{_size(available)} of memory available",
            f"at least {_size(MEMORY_BYTES)}",
            "close other programs or set SPARK_MEMORY_MB lower",
        )
    return f"{_size(available)} available"


def ports(settings: Settings, names: Iterable[str] = ()) -> str:
    """The ports of what does not run yet are free, and no two processes want the same."""
    running = _running(settings)
    wanted = stack.ports(settings, names)
    owners = {port.number: port for port in wanted}
    for port in wanted:
        if owners[port.number] != port:
            raise ConfigError(
                f"port {port.number} is that of {port.setting} and of {owners[port.number].setting}",
                "a port for each",
                "change one in .env",
            )
    # Ports of processes that died with their supervisor count as free: `up` stops those first.
    if running or not machine.marked(settings.data_path):
        check_ports([port for port in wanted if port.process not in running])
    return ", ".join(f"{port.number} {port.process}" for port in wanted)


def _running(settings: Settings) -> set[str]:
    states = Daemon(settings.data_path).states()
    return {name for name, state in states.items() if state["statename"] not in DOWN}


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _size(number: float) -> str:
    return f"{number / 1024**3:.1f} GiB"
