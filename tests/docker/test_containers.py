"""The whole stack in containers: the sums of a year though parts are killed in mid-stream, and nothing left at the end.

One stack for all tests, in the order of this file: each goes on with what those before it have left.
"""

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.docker.stack import PARTS, ROOT, Containers, wait_until

pytestmark = pytest.mark.docker

COUNT = ("query", "--format", "csv", "select count(*), sum(net_revenue) from gold.daily_sales")
# What a key, a password or a token looks like, in the words that made an image.
SECRET = re.compile(r"AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY|(?i:password|secret|token)[A-Z_]*\s*=\s*\S")
PRIVATE = ("id_rsa*", "id_ed25519*", ".netrc", ".env", ".aws", ".docker", ".git", "pip.conf")
ROWS = 541_909


def test_no_process_is_root_or_reached_from_elsewhere(stack: Containers) -> None:
    found = stack.inspected()
    assert set(found) == set(PARTS)
    for name, one in found.items():
        users = stack.docker("top", one["Id"], "-o", "uid,pid").splitlines()[1:]
        assert users and all(int(line.split()[0]) for line in users), name
        addresses = {bound["HostIp"] for ports in one["HostConfig"]["PortBindings"].values() for bound in ports}
        assert addresses <= {"127.0.0.1"}, name
        assert one["HostConfig"]["Memory"], name
        assert one["HostConfig"]["ReadonlyRootfs"] is (name != "broker"), name
        volumes = [mount["Name"] for mount in one["Mounts"] if mount["Type"] == "volume"]
        assert all(volume.startswith(stack.name) for volume in volumes), f"{name}: a volume that `down` would leave"


def test_images_hold_no_secret(stack: Containers) -> None:
    names = " -o ".join(f"-name {name}" for name in PRIVATE).split()
    for name, one in stack.inspected().items():
        history = stack.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", one["Image"])
        environment = stack.docker("image", "inspect", "--format", "{{json .Config.Env}}", one["Image"])
        assert not SECRET.search(history + environment), name
        search = ["run", "--rm", "--user", "0", "--network", "none", "--entrypoint", "find", one["Image"], "/", "-xdev"]
        assert not stack.docker(*search, "(", *names, ")", "-print"), name


def test_the_build_context_is_what_git_knows(stack: Containers, tmp_path: Path) -> None:
    """So that nothing private comes into an image."""
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY . /context/\nCMD ["none"]\n', encoding="utf-8")
    image = stack.docker("build", "--quiet", "--file", str(tmp_path / "Dockerfile"), str(ROOT)).split()[-1]
    container = stack.docker("create", image).strip()
    try:
        stack.docker("export", "--output", str(tmp_path / "context.tar"), container)
    finally:
        stack.docker("rm", container)
        stack.docker("rmi", image)
    with tarfile.open(tmp_path / "context.tar") as archive:
        files = {one.name.removeprefix("context/"): one.size for one in archive if one.isfile()}
    sources = {name: size for name, size in files.items() if (ROOT / name).exists()}
    known = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(known, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "docker-compose.yaml" not in sources
    assert "spark_jobs/__main__.py" in sources
    assert sources.keys() <= set(told)
    assert sum(sources.values()) < 20 << 20


def test_a_year_comes_to_the_known_sums_though_containers_are_killed(stack: Containers, tmp_path: Path) -> None:
    """Broker, worker and driver by `docker kill`, which `up` mends; the gateway crashes, which mends itself."""
    log = tmp_path / "demo.log"
    demo = stack.begin("demo", "--noise", "realistic", output=log)
    try:
        wait_until("rows read", lambda: stack.rows() > 0)
        assert stack.rows() < ROWS
        stack.crash("gateway")
        _kill(stack, "broker")
        assert stack.inspected()["gateway"]["RestartCount"] == 1
        assert stack.rows() < ROWS, "it was over before all were killed"
        _kill(stack, "connect", "spark")
        demo.wait(600)
    finally:
        demo.kill()
        demo.wait()
    told = log.read_text(encoding="utf-8")
    assert demo.returncode == 0, told[-4000:]
    for sum_of_all in ("541,909", "5,176,450", "9,747,747.934", "25,900", "revenue_by_country"):
        assert sum_of_all in told, told[-4000:]
    asked = stack.infra(
        "query", "--format", "csv", "select sum(units_sold) - sum(units_returned) from gold.daily_sales"
    )
    assert asked.stdout.splitlines()[-1] == "5176450"


def _kill(stack: Containers, *names: str) -> None:
    """Kill containers and bring them up again."""
    for name in names:
        stack.docker("kill", "--signal", "KILL", stack.inspected()[name]["Id"])
    up = stack.infra("up")
    assert up.returncode == 0, up.stderr[-3000:]


def test_status_tells_each_container(stack: Containers) -> None:
    told = json.loads(stack.infra("status", "--json").stdout)
    assert {one["name"]: one["health"] for one in told} == dict.fromkeys(PARTS, "ready")
    assert all(one["resident_bytes"] > 10 << 20 for one in told)


def test_data_survive_down_and_up_and_changes_flow_again(stack: Containers) -> None:
    """Afterwards they come by the second way, too."""
    before = stack.infra(*COUNT)
    assert before.returncode == 0, before.stderr
    assert stack.infra("down").returncode == 0
    assert not stack.listed()
    up = stack.infra("up")
    assert up.returncode == 0, up.stderr[-3000:]
    assert stack.infra(*COUNT).stdout == before.stdout
    both = stack.infra("demo", "--ingest", "both", "--limit", "1000", "--no-forecasts")
    assert both.returncode == 0, both.stdout[-3000:] + both.stderr[-3000:]


def test_a_live_shop_sells(stack: Containers) -> None:
    """Profile live, by compose alone."""
    before = stack.rows()
    stack.shop.start()  # and waits until it is healthy
    wait_until("sales of the live shop are in gold", lambda: stack.rows() > before)


def test_reset_leaves_nothing(stack: Containers) -> None:
    """The last test: the project is gone after it."""
    done = stack.infra("reset")
    assert done.returncode == 0, done.stderr
    for kind in ("ps --all", "volume ls", "network ls"):
        assert not stack.listed(kind), kind
