"""The stack as processes of this machine: a Runtime over the supervisor.

Which processes there are stands in stack.py, how they are supervised in supervision.py.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.local import doctor, gateway, machine, stack, supervision
from infra.local.daemon import Daemon
from infra.local.doctor import Finding
from infra.local.health import Health
from infra.local.supervision import DOWN, Report
from lakehouse.errors import LakehouseError
from lakehouse.settings import Settings

_LOOK_SECONDS = 0.3


class Processes:
    """See runtime.Runtime.

    Args:
        settings: Of the stack; its state lies in their data folder.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._data = settings, settings.data_path
        self._daemon = Daemon(settings.data_path)

    def examine(self) -> list[Finding]:
        """Disk, memory, ports, Java, artefacts, libraries."""
        return doctor.examine(self._settings)

    def up(self, names: Sequence[str], refresh: Callable[[], None], report: Report) -> list[str]:
        """Check the machine, then start what is not running and wait until it is ready."""
        processes = stack.processes(self._settings, names)
        wanted = [process.name for process in processes]
        for _, fault, _ in doctor.examine(self._settings, wanted):
            if fault:
                raise fault
        ports, then = stack.ports(self._settings, wanted), stack.then(self._settings)
        started = supervision.up(self._data, processes, ports=ports, then=then, report=report)
        if gateway.NAME in wanted:
            # The emulator forgets its catalogue when it is killed; a stack may be of older code.
            refresh()
        return started

    def down(self, report: Report) -> int:
        """Stop every process of the data folder."""
        return supervision.down(self._data, report)

    def erase(self, report: Report) -> None:
        """Stop every process: all data lies in the data folder."""
        supervision.down(self._data, report)

    def restart(self, name: str, refresh: Callable[[], None], report: Report) -> None:
        """Stop one process with its children and start it again."""
        process = next(found for found in stack.processes(self._settings, [name]) if found.name == name)
        supervision.restart(self._data, process, then=stack.then(self._settings), report=report)
        if name == gateway.NAME:
            refresh()

    def logs(self, names: Sequence[str], *, lines: int, follow: bool) -> Iterator[str]:
        """The lines of the log files, each with its process's name where there are several."""
        names = list(names) or list(stack.PROCESSES)
        places: dict[str, int] = {}
        for name in names:
            path = self._daemon.log(name)
            if path.exists():
                with path.open(encoding="utf-8", errors="replace") as file:
                    yield from (_log_line(name, line, len(names)) for line in deque(file, maxlen=lines))
                    places[name] = file.tell()
        while follow:
            for name in names:
                yield from _added(name, self._daemon.log(name), places, len(names))
            time.sleep(_LOOK_SECONDS)

    def health(self, *, memory: bool = True) -> list[Health]:
        """Every process in the order of its start, and the supervisor at the end while it runs."""
        states, specs = self._daemon.states(), self._daemon.described()

        def of(name: str) -> Health:
            state, spec = states.get(name, {}), specs.get(name, {})
            pid, starts = state.get("pid") or None, self._daemon.starts(name)
            word, reason = self._word(name, state.get("statename", "STOPPED"), pid)
            return Health(
                name,
                pid,
                spec.get("port"),
                word,
                machine.resident_bytes(machine.family(pid)) if pid and memory else 0,
                reason,
                spec.get("url", ""),
                time.time() - starts[-1] if pid and starts else 0.0,
                max(len(starts) - 1, 0) if pid else 0,
            )

        with ThreadPoolExecutor(len(stack.PROCESSES)) as threads:
            found = list(threads.map(of, stack.PROCESSES))
        if states:
            own = machine.family(self._daemon.ask("getPID"))[:1]
            uptime = time.time() - own[0].create_time()
            taken = machine.resident_bytes(own) if memory else 0
            found.append(Health("supervisor", own[0].pid, None, "ready", taken, uptime_seconds=uptime))
        return found

    def has_driver(self) -> bool:
        """Whether the driver runs, or is started again by itself."""
        return self._daemon.states().get("spark", {}).get("statename", "STOPPED") not in DOWN

    def run_instead_of_driver(self, command: str, report: Report) -> int:
        """Run another command in a process of its own, as the driver runs."""
        driver = stack.spark(self._settings)
        with supervision.alone(self._data):
            was_running = bool(self._daemon.states().get(driver.name, {}).get("pid"))
            if was_running:
                self._daemon.ask("stopProcess", driver.name, True)
                report(f"spark: stopped, so that {command} is the only writer")
        try:
            arguments = [sys.executable, "-m", "spark_jobs", command]
            return subprocess.run(arguments, env={**os.environ, **driver.environment}, check=False).returncode  # noqa: S603
        finally:
            if was_running:
                processes, then = stack.processes(self._settings, [driver.name]), stack.then(self._settings)
                supervision.up(self._data, processes, then=then, report=report)

    def _word(self, name: str, state: str, pid: int | None) -> tuple[str, str]:
        """How a process is in a word, and why."""
        if state == "FATAL":
            return "failed", "died too often"
        if state in DOWN:
            return "stopped", ""
        if not pid:
            return "restarting", "died a moment ago"
        try:
            reason = stack.PROCESSES[name](self._settings).unready()
        except LakehouseError as fault:
            reason = str(fault)
        return ("starting", reason) if reason else ("ready", "")


def _added(name: str, path: Path, places: dict[str, int], names: int) -> Iterator[str]:
    """The lines that were added to a log since it was last looked at."""
    with contextlib.suppress(FileNotFoundError):
        size = path.stat().st_size
        if size < places.get(name, 0):
            places[name] = 0  # the log was rotated
        if size > places.get(name, 0):
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(places.get(name, 0))
                yield from (_log_line(name, line, names) for line in file)
                places[name] = file.tell()


def _log_line(name: str, line: str, names: int) -> str:
    return line.rstrip("\n") if names == 1 else f"{name:10} {line.rstrip()}"
