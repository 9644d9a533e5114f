"""Brings a set of processes up in the order of their needs, and down again without leaving one.

Knows the contract of a Process and the supervisor daemon; which processes make up the stack stands in stack.py.
"""

import contextlib
import dataclasses
import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from infra.local import machine
from infra.local.daemon import Daemon
from infra.local.process import Process
from lakehouse.errors import ConfigError, ContractError, SourceError

Report = Callable[[str], None]

READY_SECONDS = 90.0
_POLL_SECONDS = 0.1
_DEATHS = 3
_LAST_LINES = 15
_SLOW_SECONDS = 10
# What the supervisor calls a process that it will not start again by itself.
DOWN = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")
_ABSENT = {"statename": "STOPPED"}


@dataclass(frozen=True)
class Port:
    """A port that a process needs, and the setting that moves it."""

    number: int
    process: str
    setting: str


def up(
    data: Path,
    processes: Sequence[Process],
    *,
    ports: Sequence[Port] = (),
    then: Mapping[str, Callable[[], None]] | None = None,
    report: Report = lambda _: None,
    ready_seconds: float = READY_SECONDS,
) -> list[str]:
    """Start what is not running, each process once those it needs are ready, and wait until all are.

    Args:
        data: The stack's data folder.
        processes: What is to run, with everything they come after.
        ports: Ports they need; those of processes that are down are checked before anything is started.
        then: By name, what to do when a process has become ready and before others rely on it.
        report: Told how it goes, a line at a time.
        ready_seconds: How long a process may take to be ready.

    Returns:
        The names of the processes that were started.

    Raises:
        ConfigError: A port is held by somebody else.
        SourceError: A process dies again and again, or is not ready in time; the others stay up.
    """
    levels(processes)
    daemon = Daemon(data)
    daemon.prepare()
    with alone(data):
        if not daemon.is_running():
            _stop_strays(data, report)
        states = daemon.states()
        down = [
            process for process in processes if states.get(process.name, {"statename": "STOPPED"})["statename"] in DOWN
        ]
        check_ports([port for port in ports if port.process in {process.name for process in down}])
        for process in processes:
            if process in down:
                daemon.describe(process)
            elif daemon.differs(process):
                report(
                    f"{process.name}: runs with older settings; `python -m infra restart {process.name}` takes new ones"
                )
        if not daemon.is_running():
            daemon.start()
        daemon.reload()
        _Start(daemon, processes, down, then or {}, report, ready_seconds).run()
    return [process.name for process in down]


def down(data: Path, report: Report = lambda _: None) -> int:
    """Stop every process of the stack in a data folder, the supervisor too, whoever started or orphaned them.

    Returns:
        How many processes were stopped; 0 if none was there.
    """
    daemon = Daemon(data)
    if not daemon.folder.exists():
        return 0
    with alone(data):
        before = len(machine.marked(data))
        if daemon.is_running():
            for names in _last_first(daemon):
                _stop_all(daemon, names, report)
            daemon.stop()
        _stop_strays(data, report)
        daemon.clean()
        return before


def restart(
    data: Path,
    process: Process,
    *,
    then: Mapping[str, Callable[[], None]] | None = None,
    report: Report = lambda _: None,
) -> None:
    """Stop one process with its children and bring it up again, with its settings of now."""
    daemon = Daemon(data)
    if process.name in daemon.states():
        with alone(data):
            _stop_all(daemon, [process.name], report)
    up(data, [dataclasses.replace(process, after=())], then=then, report=report)


def levels(processes: Sequence[Process]) -> list[list[Process]]:
    """The processes in groups: each comes after groups before its own, those of one group need not wait for each other.

    Raises:
        ContractError: One comes after a name that is not there, or after itself.
    """
    left, done, found = list(processes), set[str](), []
    while left:
        group = [process for process in left if done.issuperset(process.after)]
        if not group:
            needs = ", ".join(f"{process.name} after {'+'.join(process.after)}" for process in left)
            raise ContractError(f"processes {needs}", "an order in which they can start")
        found.append(group)
        done.update(process.name for process in group)
        left = [process for process in left if process not in group]
    return found


def check_ports(ports: Sequence[Port]) -> None:
    """Raise a ConfigError for the first port that somebody holds."""
    for port in ports:
        if not machine.is_free(port.number):
            raise ConfigError(
                f"port {port.number} of {port.process} is held by {machine.holder(port.number)}",
                "a free port",
                f"stop that or set {port.setting} in .env to another port",
            )


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """Keep a second `up`, `down` or `restart` on the same folder out.

    Raises:
        ConfigError: One is under way.
    """
    with (data / "supervisor" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise ConfigError(
                f"another command starts or stops the stack in {data}", "one at a time", "wait for it and try again"
            ) from fault
        yield


class _Start:
    """One `up`: a thread for each process, which waits for those before it."""

    def __init__(
        self,
        daemon: Daemon,
        processes: Sequence[Process],
        down: Sequence[Process],
        then: Mapping[str, Callable[[], None]],
        report: Report,
        ready_seconds: float,
    ) -> None:
        self._daemon, self._processes, self._down = daemon, processes, down
        self._then, self._report, self._ready_seconds = then, report, ready_seconds
        self._given_up = threading.Event()
        self._started: dict[str, Future[None]] = {}

    def run(self) -> None:
        ordered = [process for group in levels(self._processes) for process in group]
        with ThreadPoolExecutor(max_workers=max(len(ordered), 1)) as threads:
            try:
                for process in ordered:
                    self._started[process.name] = threads.submit(self._bring_up, process)
                for done in as_completed(self._started.values()):
                    done.result()
            finally:
                self._given_up.set()

    def _bring_up(self, process: Process) -> None:
        for name in process.after:
            self._started[name].result()
        begin = time.monotonic()
        if process in self._down:
            process.prepare()
            (self._daemon.folder / f"{process.name}.starts").unlink(missing_ok=True)
            self._daemon.ask("startProcess", process.name, False)
        self._wait(process, begin)
        if process.name in self._then:
            self._then[process.name]()
        since = f"ready after {time.monotonic() - begin:.1f} s" if process in self._down else "is up"
        self._report(f"{process.name}: {since}  {process.url}".rstrip())

    def _wait(self, process: Process, begin: float) -> None:
        deaths, dying, pid, told = 0, False, 0, False
        while True:
            state = self._daemon.ask("getProcessInfo", process.name)
            fell = state["statename"] in ("BACKOFF", "EXITED", "FATAL")
            deaths += (fell and not dying) or (not fell and pid not in (0, state["pid"]))
            dying, pid = fell, state["pid"]
            why = process.unready() if state["pid"] else "not running"
            if why is None:
                return
            age = time.monotonic() - begin
            if deaths >= _DEATHS or state["statename"] == "FATAL":
                self._give_up(process, f"{process.name} died {deaths} times while starting")
            if age > self._ready_seconds:
                self._give_up(process, f"{process.name} is not ready after {age:.0f} s: {why}")
            if age > _SLOW_SECONDS and not told:
                told = True
                self._report(f"{process.name}: still waiting ({why})")
            if self._given_up.wait(_POLL_SECONDS):
                raise SourceError(f"{process.name} was not waited for")

    def _give_up(self, process: Process, fault: str) -> None:
        log = self._daemon.log(process.name)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:] if log.exists() else []
        _stop_all(self._daemon, [process.name], lambda _: None)
        for line in lines:
            self._report(f"  {line}")
        raise SourceError(fault, "", f"its last lines are above, all in {log}")


def _last_first(daemon: Daemon) -> list[list[str]]:
    """Names of the running processes in groups, those that others need last."""
    running = {name for name, state in daemon.states().items() if state["statename"] not in DOWN}
    needs = {name: set(spec["after"]) & running for name, spec in daemon.described().items() if name in running}
    groups: list[list[str]] = []
    while needs:
        wanted = set().union(*needs.values())
        groups.append([name for name in needs if name not in wanted] or list(needs))
        needs = {name: after for name, after in needs.items() if name not in groups[-1]}
    return groups


def _stop_all(daemon: Daemon, names: Sequence[str], report: Report) -> None:
    states, specs = daemon.states(), daemon.described()
    families = {name: machine.family(states[name]["pid"]) for name in names if states[name]["pid"]}
    for name in names:
        with contextlib.suppress(SourceError):
            daemon.ask("stopProcess", name, False)
    # The supervisor kills what does not stop in time; the 5 s are for itself.
    deadline = time.monotonic() + 5 + max((specs[name]["stop_seconds"] for name in names), default=0)
    while any(daemon.states().get(name, {}).get("pid") for name in names) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    # Children that outlived their parent; an orderly stop is the parent's business, so they come after it.
    machine.stop([process for found in families.values() for process in found[1:]], 2)
    for name in families:
        report(f"{name}: stopped")


def _stop_strays(data: Path, report: Report) -> None:
    strays = machine.marked(data)
    if strays:
        machine.stop(strays, 5)
        report(f"stopped {len(strays)} processes that no supervisor looked after")
