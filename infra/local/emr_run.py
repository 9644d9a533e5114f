"""One run of a Spark job: its files fetched from the bucket as EMR Serverless fetches them, then spark-submit.

What EMR's image brings is this machine's: Python with pyspark, Java, the jars of Delta and S3A. The size of the driver
is that of the settings, since a job is sized for the cloud. Its AWS keys are those of its role.
"""

import gzip
import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import psutil
from botocore.exceptions import BotoCoreError, ClientError

from infra.local import jars
from infra.local.java import find_java
from infra.local.kept import Record
from infra.local.rights import RoleError, taken
from lakehouse.errors import LakehouseError
from lakehouse.settings import Settings

GRACE_SECONDS = 20.0
_SERVICE = "emr-serverless.amazonaws.com"
_PID = "pid"
_IMAGE = "/usr/share/aws/"
_DRIVER = "spark.emr-serverless.driverEnv."
# What the job says of its size and place, which are others here.
_OURS = ("spark.driver.", "spark.executor.", "spark.executorEnv.", "spark.dynamicAllocation.", "spark.emr-serverless.")
_FITS = sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info[:2] == (3, 11)


class RunError(Exception):
    """The run could not be begun; the text says why."""


class Run:
    """A run as a process.

    Args:
        settings: Of the stack.
        folder: Its working folder.
        record: The run as StartJobRun was given it.
    """

    def __init__(self, settings: Settings, folder: Path, record: Record) -> None:
        self._settings, self._folder, self._record = settings, folder, record
        self._process: subprocess.Popen[bytes] | None = None
        self._is_to_end = False

    def work(self) -> str:
        """Fetch, run and wait; returns why it failed, nothing if it did not.

        Raises:
            RunError: It could not be begun.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        end_orphan(self._folder)
        try:
            command, environment = self._prepared()
        except (ClientError, BotoCoreError, LakehouseError, RoleError, OSError, tarfile.TarError) as fault:
            raise RunError(f"{type(fault).__name__}: {fault}") from fault
        out, err = self._folder / "stdout", self._folder / "stderr"
        with out.open("ab") as stdout, err.open("ab") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 (what the account's owner has deployed)
                command, cwd=self._folder, env=environment, stdout=stdout, stderr=stderr, start_new_session=True
            )
            (self._folder / _PID).write_text(str(self._process.pid), encoding="utf-8")
            if self._is_to_end:
                self.ask_to_end()
            code = self._process.wait()
        self._keep_logs()
        if not code:
            return ""
        lines = [line for line in err.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        said = next((line for line in reversed(lines) if line.startswith(("error:", '{"'))), lines[-1] if lines else "")
        return f"exit code {code}: {said}"

    def ask_to_end(self) -> None:
        """Let the driver finish its batch; after a while it is killed."""
        self._is_to_end = True
        if self._process is None or self._process.poll() is not None:
            return
        # The driver is the child of spark-submit's JVM, which must outlive it.
        drivers = [one for one in psutil.Process(self._process.pid).children(recursive=True) if "python" in one.name()]
        if not drivers:  # it has not begun
            self.kill()
            return
        drivers[0].terminate()
        _, alive = psutil.wait_procs([psutil.Process(self._process.pid)], GRACE_SECONDS)
        if alive:
            self.kill()

    def kill(self) -> None:
        """End the process and all that it has started, at once."""
        self._is_to_end = True
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _prepared(self) -> tuple[list[str], dict[str, str]]:
        keys = taken(self._record["executionRole"], _SERVICE, self._record["jobRunId"])
        s3 = boto3.client("s3", **{**self._settings.client_arguments, **keys})
        submit = self._record["jobDriver"]["sparkSubmit"]
        confs, options = _parsed(submit.get("sparkSubmitParameters", ""))
        given = confs.pop("spark.jars", "").split(",")
        own = [str(self._fetched(s3, url)) for url in given if url.startswith("s3://")]
        wheels = [str(self._fetched(s3, url)) for url in confs.pop("spark.submit.pyFiles", "").split(",") if url]
        image = f"{jars.folder(self._settings, 'spark')}/*" if any(url.startswith(_IMAGE) for url in given) else ""
        for archive in confs.pop("spark.archives", "").split(","):
            if archive and _FITS:
                url, _, name = archive.partition("#")
                self._unpacked(self._fetched(s3, url), self._folder / Path(name).name)
        entry = self._fetched(s3, submit["entryPoint"])
        java = find_java(self._settings)
        told = {
            **{name: value for name, value in confs.items() if not name.startswith(_OURS)},
            "spark.driver.memory": f"{self._settings.spark_memory_mb}m",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.extraClassPath": image,
            "spark.ui.enabled": "false",
        }
        command = [
            str(_spark_submit()),
            "--master", f"local[{self._settings.spark_cores}]",
            *(["--jars", ",".join(own)] if own else []),
            *(["--py-files", ",".join(wheels)] if wheels else []),
            *options,
            *(part for name, value in told.items() if value for part in ("--conf", f"{name}={value}")),
            str(entry),
            *submit.get("entryPointArguments", []),
        ]  # fmt: skip
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ},
            **{name.removeprefix(_DRIVER): value for name, value in confs.items() if name.startswith(_DRIVER)},
            **{name.upper(): value for name, value in keys.items()},
            "JAVA_HOME": str(java.home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        }
        return command, environment

    def _fetched(self, s3: Any, url: str) -> Path:
        place = urlsplit(url)
        target = self._folder / Path(place.path).name
        if not target.is_file():
            part = target.with_name(f"{target.name}.part")
            s3.download_file(place.netloc, place.path.lstrip("/"), str(part))
            part.replace(target)
        return target

    @staticmethod
    def _unpacked(archive: Path, folder: Path) -> None:
        if not folder.is_dir():
            fresh = folder.with_name(f"{folder.name}.part")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            with tarfile.open(archive) as opened:
                opened.extractall(fresh, filter="data")
            fresh.replace(folder)

    def _keep_logs(self) -> None:
        """Where EMR Serverless puts the driver's logs, if the job has said so."""
        monitoring = self._record.get("configurationOverrides", {}).get("monitoringConfiguration", {})
        place = urlsplit(monitoring.get("s3MonitoringConfiguration", {}).get("logUri", ""))
        if place.scheme != "s3":
            return
        s3 = boto3.client("s3", **self._settings.client_arguments)
        run = f"applications/{self._record['applicationId']}/jobs/{self._record['jobRunId']}/SPARK_DRIVER"
        for name in ("stdout", "stderr"):
            body = gzip.compress((self._folder / name).read_bytes())
            s3.put_object(Bucket=place.netloc, Key=f"{place.path.strip('/')}/{run}/{name}.gz", Body=body)


def end_orphan(folder: Path) -> bool:
    """End what a killed gateway has left working in a run's folder; returns whether there was anything."""
    try:
        pid = int((folder / _PID).read_text(encoding="utf-8"))
        # The number may be another process's by now: ours names the folder.
        is_ours = any(str(folder) in part for part in psutil.Process(pid).cmdline())
    except (OSError, ValueError, psutil.Error):
        return False
    if is_ours:
        os.killpg(pid, signal.SIGKILL)
    return is_ours


def _spark_submit() -> Path:
    """Of pyspark, which is found and not imported: it would stay in the gateway's memory."""
    spec = importlib.util.find_spec("pyspark")
    if not spec or not spec.origin:
        raise RunError("pyspark is not installed; run `make install`")
    return Path(spec.origin).parent / "bin" / "spark-submit"


def _parsed(text: str) -> tuple[dict[str, str], list[str]]:
    """Properties and other options of spark-submit's parameters.

    Example:
        >>> _parsed("--conf a.b=1 --conf c=d=e --class X")
        ({'a.b': '1', 'c': 'd=e'}, ['--class', 'X'])
    """
    confs: dict[str, str] = {}
    options: list[str] = []
    words = iter(shlex.split(text))
    for word in words:
        if word == "--conf":
            name, _, value = next(words, "").partition("=")
            confs[name] = value
        else:
            options.append(word)
    return confs, options
