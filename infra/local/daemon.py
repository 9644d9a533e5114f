"""The supervisor daemon of one data folder: its files, its start, its end, and questions to it.

It is supervisord of the package `supervisor`, spoken to over a unix socket that only this user can open. What is to
run, and in which order, is not known here.
"""

import contextlib
import hashlib
import http.client
import json
import os
import resource
import shlex
import stat
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from infra.local import machine
from infra.local.launch import MARK, base_environment
from infra.local.process import Process
from lakehouse.errors import ConfigError, SourceError

ROOT = Path(__file__).resolve().parents[2]
# A socket's path has room for 104 bytes on macOS; the daemon needs some for a name of its own while it starts.
_SOCKET_PATH_BYTES = 90
_START_SECONDS = 10
# A process that dies younger than this counts as not started: it is tried again after 1, 2, 3 … seconds.
_YOUNG_SECONDS = 4
_TRIES = 20


class Daemon:
    """The supervisor of the stack whose state lies in `data`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / "supervisor"
        self.logs = data / "logs"

    # --- files

    def describe(self, process: Process) -> None:
        """Write what is to run under a name from its next start on."""
        path = self._description(process.name)
        path.touch(mode=0o600)
        path.write_text(_description(process), encoding="utf-8")

    def differs(self, process: Process) -> bool:
        """Whether something else was written under the name."""
        return self._description(process.name).read_text(encoding="utf-8") != _description(process)

    def described(self) -> dict[str, dict[str, Any]]:
        """By name, what was written of each process."""
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob("*.json"))}

    def _description(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{name}.log"

    def starts(self, name: str) -> list[float]:
        """When a process was started since it was last asked to run [seconds since 1970]."""
        path = self.folder / f"{name}.starts"
        return [float(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def prepare(self) -> None:
        """Make the folders, for this user only."""
        for folder in (self.data, self.folder, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def socket(self) -> Path:
        """Where the daemon listens: in the data folder, or in a short private folder where that path is too long."""
        path = self.folder / "socket"
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
            return path
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        for root in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108  (checked below)
            folder = Path(root or "/nowhere") / f"saleslake-{os.getuid()}-{digest}"
            if folder.parent.is_dir() and len(os.fsencode(folder)) <= _SOCKET_PATH_BYTES - 7:
                return folder / "socket"
        raise ConfigError(f"DATA_DIR={self.data}", "a shorter path", "set DATA_DIR to one")

    # --- life

    def is_running(self) -> bool:
        """Whether the daemon answers."""
        try:
            return bool(self.ask("getState"))
        except SourceError:
            return False

    def start(self) -> None:
        """Start the daemon, with nothing to run yet, and wait until it answers.

        Raises:
            SourceError: It does not.
        """
        self.prepare()
        path = self.folder / "supervisord.conf"
        path.write_text(self._configuration(), encoding="utf-8")
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        _require_private(self.socket.parent)
        self.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(path.relative_to(self.data))]
        environment = {**base_environment(), MARK: str(self.data), **self._expansions()}
        done = subprocess.run(  # noqa: S603  (our own interpreter)
            command,
            cwd=self.data,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not done.returncode and not self.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
        if done.returncode or not self.is_running():
            complaint = (done.stderr or done.stdout).strip().splitlines()
            raise SourceError(
                f"the supervisor did not start: {complaint[0] if complaint else 'no answer'}",
                "",
                f"see {self.log('supervisord')}",
            )

    def reload(self) -> None:
        """Take over the descriptions as they are on disk; running processes keep running as they are."""
        (self.folder / "supervisord.conf").write_text(self._configuration(), encoding="utf-8")
        added, changed, _ = self.ask("reloadConfig")[0]
        states = self.states()
        for name in changed:
            if not states[name]["pid"]:
                self.ask("removeProcessGroup", name)
                added.append(name)
        for name in added:
            self.ask("addProcessGroup", name)

    def stop(self) -> None:
        """End the daemon; its processes are stopped before."""
        with contextlib.suppress(SourceError, psutil.NoSuchProcess):
            process = psutil.Process(self.ask("getPID"))
            self.ask("shutdown")
            machine.wait([process], _START_SECONDS)

    def clean(self) -> None:
        """Remove what a daemon that was killed left: its socket, and the folder made for it."""
        path = self.socket
        path.unlink(missing_ok=True)
        if path.parent != self.folder and path.parent.exists():
            path.parent.rmdir()

    # --- questions

    def states(self) -> dict[str, dict[str, Any]]:
        """By name, what the daemon knows: statename, pid (0 if none), start, spawnerr; empty if it is not running."""
        try:
            return {found["name"]: found for found in self.ask("getAllProcessInfo")}
        except SourceError:
            return {}

    def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the daemon's XML-RPC interface.

        Raises:
            SourceError: It does not answer, or answers with a fault.
        """
        if not self.socket.exists():
            raise SourceError("the supervisor does not run", "", "run `make up`")
        _require_private(self.socket.parent)
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise SourceError(f"supervisor: {fault.faultString}", "", f"see {self.log('supervisord')}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as fault:
            raise SourceError(f"supervisor: {fault}", "", "run `make up`") from fault
        finally:
            transport.close()

    # --- its configuration

    def _expansions(self) -> Mapping[str, str]:
        """What the configuration refers to: paths, which it could not quote itself.

        Those within the data folder are relative to it, the daemon's working directory.
        """
        python = shlex.quote(sys.executable)
        return {"SALESLAKE_ROOT": str(ROOT), "SALESLAKE_PYTHON": python, "SALESLAKE_SOCKET": str(self.socket)}

    def _configuration(self) -> str:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
        head = f"""[unix_http_server]
file = %(ENV_SALESLAKE_SOCKET)s
chmod = 0600

[supervisord]
logfile = logs/supervisord.log
logfile_maxbytes = 1MB
logfile_backups = 1
pidfile = supervisor/supervisord.pid
childlogdir = logs
umask = 077
minfds = {files}
minprocs = 1
nocleanup = true

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
        return head + "".join(
            f"""
[program:{name}]
command = %(ENV_SALESLAKE_PYTHON)s -m infra.local.launch {name}
directory = %(ENV_SALESLAKE_ROOT)s
autostart = false
autorestart = true
startsecs = {_YOUNG_SECONDS}
startretries = {_TRIES}
stopsignal = TERM
stopwaitsecs = {spec["stop_seconds"]}
stopasgroup = false
killasgroup = true
redirect_stderr = true
stdout_logfile = logs/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 2
"""
            for name, spec in self.described().items()
        )


def _description(process: Process) -> str:
    return json.dumps(
        {
            "command": process.command,
            "environment": dict(process.environment),
            "port": process.port,
            "url": process.url,
            "after": process.after,
            "stop_seconds": process.stop_seconds,
        },
        indent=1,
    )


def _require_private(folder: Path) -> None:
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise ConfigError(f"{folder} is not private to this user", "a folder of mode 700", f"remove {folder}")
