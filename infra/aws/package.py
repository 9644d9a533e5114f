"""Builds what an environment is deployed with: one wheel, the jars, the functions' and the jobs' packages.

The same input gives the same bytes: archives are sorted and dated 1980, jars are packed anew, versions are those of the
requirements. Nothing is uploaded here.
"""

import base64
import hashlib
import importlib.metadata
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from forecasting.definitions import reading
from forecasting.definitions.definition import Definition
from infra.aws import archive, deployment, machine, streaming
from infra.local import javac
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings

PACKAGES = ("lakehouse", "generator", "connect", "spark_jobs", "forecasting", "infra")
# What a job of Spark imports beyond EMR's image; pyspark itself must not be shipped.
JOB_PACKAGES = ("boto3", "deltalake", "delta-spark", "duckdb", "numpy", "prometheus-client", "psutil", "pyarrow")
_NOT_SHIPPED = ("pyspark", "py4j")
PLATFORM, PYTHON = "x86_64-manylinux_2_28", "3.11"  # of the EMR Serverless application
_SUFFIXES = (".py", ".yaml", ".json", ".sql", ".txt", ".css", ".properties", ".java")
_KAFKA_CODE = (
    "lakehouse/*.py", "generator/__init__.py", "generator/topics.py", "infra/__init__.py", "infra/aws/__init__.py",
    "infra/aws/handlers/__init__.py", "infra/aws/handlers/answers.py", "infra/aws/handlers/brokers.py",
    "infra/aws/handlers/topic.py",
)  # fmt: skip


def version() -> str:
    """Of the project."""
    text = (archive.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
    return found[1] if found else "0"


def wheel() -> bytes:
    """The project as one wheel, with what its packages need besides code."""
    files = {
        name: body
        for name, body in archive.sources(*(f"{package}/**/*" for package in PACKAGES)).items()
        if Path(name).suffix in _SUFFIXES
    }
    folder = f"saleslake-{version()}.dist-info"
    about = f"Metadata-Version: 2.1\nName: saleslake\nVersion: {version()}\nRequires-Python: >=3.11\n"
    files[f"{folder}/METADATA"] = about.encode()
    files[f"{folder}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: saleslake\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = [f"{name},sha256={_digest(body)},{len(body)}" for name, body in sorted(files.items())]
    files[f"{folder}/RECORD"] = "\n".join([*lines, f"{folder}/RECORD,,", ""]).encode()
    return archive.zipped(files)


def main() -> bytes:
    """The file that a job begins with."""
    return (archive.ROOT / "spark_jobs" / "__main__.py").read_bytes()


def spark_jar(settings: Settings) -> bytes:
    """The driver's own jar: reader and LogStore."""
    return _repacked(javac.spark_jar(settings))


def sink_plugin(settings: Settings) -> bytes:
    """The S3 sink as MSK Connect takes it: its jar and those it needs beyond Connect, flat."""
    own = javac.sink_jar(settings)
    jars = {path.name: path.read_bytes() for path in own.parent.glob("*.jar") if path != own}
    return archive.zipped({**jars, own.name: _repacked(own)})


def kafka_functions() -> bytes:
    """The functions of the Kafka stack with their client of Kafka, which is pure Python."""
    found = importlib.metadata.files("kafka-python") or []
    client = {
        str(path): Path(str(path.locate())).read_bytes()
        for path in found
        if path.parts[0] == "kafka" and "__pycache__" not in str(path)
    }
    if not client:
        raise ConfigError("kafka-python is not installed", action="run `make install`")
    return archive.zipped(archive.sources(*_KAFKA_CODE) | client)


def job_packages(settings: Settings) -> bytes:
    """The Python packages of jobs for EMR's machines, as an archive that a job unpacks beside itself.

    It is built once for the same requirements and kept in the cache.

    Raises:
        SourceError: The package index does not answer or lacks one.
    """
    wanted = requirements((archive.ROOT / "requirements.txt").read_text(encoding="utf-8"), _closure(JOB_PACKAGES))
    mark = hashlib.sha256(f"{PLATFORM} {PYTHON}\n{wanted}".encode()).hexdigest()[:12]
    kept = settings.cache_path / "packages" / f"job-{mark}.tar.gz"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            listed, target = Path(scratch, "requirements.txt"), Path(scratch, "packages")
            listed.write_text(wanted, encoding="utf-8")
            _install(listed, target)
            fresh = Path(scratch, "archive")
            fresh.write_bytes(archive.tarred(target))
            fresh.replace(kept)
    return kept.read_bytes()


def requirements(text: str, names: set[str]) -> str:
    """The blocks of a requirements file, each with its hashes, of some packages.

    Example:
        >>> requirements(chr(10).join(["a==1", "    --hash=x", "    # via b", "c==2", ""]), {"a"}).split()
        ['a==1', '--hash=x']
    """
    blocks = re.findall(r"^(?![ #])(.+?)(?===|\s)(.*(?:\n .*)*)\n", text, re.MULTILINE)
    kept = [f"{name}{rest}\n" for name, rest in blocks if _plain(name) in names]
    return re.sub(r"^ +#.*\n", "", "".join(kept), flags=re.MULTILINE)


def builders(settings: Settings) -> Mapping[str, Callable[[], bytes]]:
    """What can be built, by the name that it has in `dist/` and, with its digest, in the bucket."""
    return {
        f"saleslake-{version()}-py3-none-any.whl": wheel,
        "saleslake.zip": wheel,  # the same bytes: spark-submit takes no name that ends in .whl
        "main.py": main,
        "saleslake-spark.jar": lambda: spark_jar(settings),
        "saleslake-s3-sink.zip": lambda: sink_plugin(settings),
        "kafka-functions.zip": kafka_functions,
        "job-packages.tar.gz": lambda: job_packages(settings),
        "transform.zip": streaming.package,
        "forecast-functions.zip": lambda: deployment.package(forecasts(settings)),
        "forecast-machine.json": lambda: machine.document().encode(),
    }


def forecasts(settings: Settings) -> dict[str, Definition]:
    """The definitions of the file that the settings name.

    Raises:
        DefinitionError: Anything in it is wrong.
    """
    return reading.load(Path(settings.forecasts).expanduser()) if settings.forecasts else reading.load()


def _closure(names: tuple[str, ...]) -> set[str]:
    """The packages and all that they need on EMR's machines."""
    found: set[str] = set()
    waiting = [_plain(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found or name in _NOT_SHIPPED:
            continue
        found.add(name)
        for line in importlib.metadata.requires(name) or []:
            need, _, condition = line.partition(";")
            if "extra ==" not in condition and "python_version <" not in condition and "win32" not in condition:
                waiting.append(_plain(re.split(r"[^\w.-]", need.strip())[0]))
    return found


def _install(listed: Path, target: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [
        str(uv), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile",
        "--python-platform", PLATFORM, "--python-version", PYTHON, "--target", str(target), "-r", str(listed),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise SourceError(f"the jobs' packages: {said}", "all of them from the index", "try again")
    for name in ("direct_url.json", "INSTALLER", "REQUESTED", "RECORD", "uv_cache.json"):
        for path in target.glob(f"*.dist-info/{name}"):
            path.unlink()  # they tell of the installation, not of the package


def _repacked(jar: Path) -> bytes:
    """A jar's content without the time of its compilation."""
    with zipfile.ZipFile(jar) as opened:
        return archive.zipped({name: opened.read(name) for name in opened.namelist() if not name.endswith("/")})


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
