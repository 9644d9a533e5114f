"""The gateway: one loopback port that answers the AWS API, made of the emulator MiniStack and our plug-ins.

Owns the process: its environment, its port, its start and stop. What it does to the emulator stands in guard.py (who
may call), durable.py (objects survive) and plugins.py (services of ours).
"""

import argparse
import asyncio
import functools
import http.client
import ipaddress
import os
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import uvicorn
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from forecasting.service import quotas
from infra.local import durable, glue, msk, plugins, rights, streaming
from infra.local.cloudformation.install import install as install_cloudformation
from infra.local.guard import App, Guard, Receive, Scope, Send
from infra.local.objects import ObjectStore
from infra.local.plugin import Plugin
from infra.local.process import Process
from lakehouse import logs
from lakehouse.errors import ConfigError, SourceError
from lakehouse.settings import Settings, load

NAME = "gateway"
STOP_SECONDS = 5
_HEALTH = "/_ministack/health"
# What the process keeps of its environment; all else could be a secret, and Lambda functions inherit it.
_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SALESLAKE_DATA", "PYTHONDONTWRITEBYTECODE")


def address(settings: Settings) -> tuple[str, int]:
    """Host and port of AWS_ENDPOINT_URL.

    Raises:
        ConfigError: It is no address of this machine, so the local gateway cannot be meant.
    """
    url = urlsplit(settings.aws_endpoint_url)
    try:
        host, port = url.hostname or "", url.port or 80
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if url.scheme != "http" or not loopback:
        raise ConfigError(
            f"AWS_ENDPOINT_URL={settings.aws_endpoint_url}",
            "an address of this machine such as http://127.0.0.1:4566",
            "correct it in .env, or leave the local stack alone if AWS itself is meant",
        )
    return host, port


def process(settings: Settings) -> Process:
    """The gateway as the supervisor runs it.

    Raises:
        ConfigError: AWS_ENDPOINT_URL is no address of this machine, or FORECAST_QUOTAS names what is no quota.
    """
    _, port = address(settings)
    given = {
        "AWS_ENDPOINT_URL": settings.aws_endpoint_url,
        "AWS_DEFAULT_REGION": settings.aws_default_region,
        "GATEWAY_AUTH": settings.gateway_auth,
        "DATA_DIR": str(settings.data_path),
        "LOG_LEVEL": settings.log_level,
        "FORECAST_QUOTAS": settings.forecast_quotas,
        "ATHENA_WORKERS": str(settings.athena_workers),
        "ATHENA_MEMORY_MB": str(settings.athena_memory_mb),
        # Of the neighbours that MSK, MSK Connect and EMR Serverless stand for.
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "CONNECT_URL": settings.connect_url,
        "CACHE_DIR": str(settings.cache_path),
        "JAVA_HOME": settings.java_home,
        "SPARK_MEMORY_MB": str(settings.spark_memory_mb),
        "SPARK_CORES": str(settings.spark_cores),
    }
    quotas.parse(settings.forecast_quotas)  # a wrong one is refused before the start, not by the first request
    return Process(
        name=NAME,
        command=(sys.executable, "-m", "infra.local.gateway"),
        port=port,
        url=settings.aws_endpoint_url,
        unready=lambda: unready(settings),
        environment=given,
        stop_seconds=STOP_SECONDS + 3,
    )


def unready(settings: Settings) -> str | None:
    """Why the gateway does not answer yet; None once it does."""
    host, port = address(settings)
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", _HEALTH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as fault:
        return f"no answer on port {port} ({fault})"
    finally:
        connection.close()
    return None if status == 200 else f"answers {status}"


def ensure_bucket(settings: Settings) -> None:
    """Create the bucket of this environment unless it is there.

    Raises:
        SourceError: The gateway does not answer or refuses.
    """
    once = Config(retries={"total_max_attempts": 2}, connect_timeout=2, read_timeout=5)
    try:
        s3 = boto3.client("s3", config=once, **settings.client_arguments)
        place = {"LocationConstraint": settings.aws_default_region}
        if settings.aws_default_region == "us-east-1":
            s3.create_bucket(Bucket=settings.bucket)
        else:
            s3.create_bucket(Bucket=settings.bucket, CreateBucketConfiguration=place)
    except ClientError as fault:
        if fault.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise SourceError(f"bucket {settings.bucket}: {fault}", "", "see `make logs`") from fault
    except BotoCoreError as fault:
        raise SourceError(
            f"bucket {settings.bucket}: {fault}", f"an answer of {settings.aws_endpoint_url}", "run `make up`"
        ) from fault


def prepare_environment(settings: Settings, port: int) -> None:
    """Leave in this process's environment what the emulator is to see, and nothing else.

    The emulator reads it on import, so this runs before.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    state = settings.data_path / NAME
    os.environ.clear()
    os.environ.update(
        kept,
        GATEWAY_PORT=str(port),
        MINISTACK_HOST="localhost",
        MINISTACK_REGION=settings.aws_default_region,
        AWS_DEFAULT_REGION=settings.aws_default_region,
        AWS_ENDPOINT_URL=settings.aws_endpoint_url,
        PERSIST_STATE="1",
        STATE_DIR=str(state / "state"),
        # durable.py keeps the objects; the emulator's own files would acknowledge writes that failed.
        S3_PERSIST="0",
        S3_DATA_DIR=str(state / "unused"),
        # No second listener, and no containers of others swept away.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        DOCKER_HOST=f"unix://{state}/no-docker.sock",
        LAMBDA_EXECUTOR="local",
        AUTH=str(settings.gateway_auth == "on").lower(),
    )


def application(settings: Settings, port: int, *, services: Sequence[Plugin]) -> App:
    """The gateway as an ASGI application: guard, emulator, durable objects, plug-ins.

    Once in a process; `prepare_environment` runs before.
    """
    from ministack.app import app as emulator  # noqa: PLC0415  (reads its environment on import)

    durable.install(ObjectStore(settings.data_path / NAME / "s3"))
    streams = streaming.install(settings.data_path / NAME, functools.partial(install_cloudformation, settings))
    glue.install()
    rights.install()
    msk.install(settings)
    plugins.install(services)

    async def with_plugins(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await emulator(scope, receive, send)
            return
        for service in services:
            await service.start()

        async def send_when_stopped(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                await streams.start()
            # uvicorn ends the process once it has heard that the shutdown is complete, whatever is still under way.
            if message["type"].startswith("lifespan.shutdown"):
                await streams.stop()
                for service in reversed(services):
                    await service.stop()
            await send(message)

        await emulator(scope, receive, send_when_stopped)

    return Guard(with_plugins, port, [urlsplit(settings.aws_endpoint_url).hostname or ""])


def serve(settings: Settings, bind: str, port: int, *, services: Sequence[Plugin] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; open requests get 4 seconds.

    Args:
        settings: Where the gateway is reached and where its state lies.
        bind: The address to listen on.
        port: The port.
        services: Plug-ins; those of `plugins.installed` by default.
    """
    folder = settings.data_path / NAME
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    prepare_environment(settings, port)
    app = application(settings, port, services=plugins.installed(settings, folder) if services is None else services)
    logs.configure(settings.log_level)
    config = uvicorn.Config(
        app,
        host=bind,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        # Half of what an API call took was the reading and writing of HTTP in Python.
        http="httptools",
        ws="wsproto",
        # The JVM clients pool connections and lose a request when one closes under them.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_SECONDS - 1,
    )
    logs.event("gateway starts", url=settings.aws_endpoint_url, folder=folder)
    asyncio.run(uvicorn.Server(config).serve())


def main() -> None:
    """Run the gateway in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.gateway", description=main.__doc__)
    parser.add_argument("--bind", metavar="ADDRESS", help="address to listen on; that of AWS_ENDPOINT_URL by default")
    bind = parser.parse_args().bind
    settings = load(dotenv=Path(".env"))
    if bind:
        serve(settings, bind, urlsplit(settings.aws_endpoint_url).port or 80)
    else:
        serve(settings, *address(settings))


if __name__ == "__main__":
    main()
