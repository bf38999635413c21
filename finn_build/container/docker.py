"""Docker: whether it can be used here, the image to build in, and containers that never outlive us."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bnn.version import VERSION
from finn_build.container.xilinx import XilinxTools
from finn_build.errors import FinnError

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "docker" / "finn.Dockerfile"
IMAGE_INPUTS = (
    "docker/finn.Dockerfile",
    "docker/finn-packages.txt",
    "docker/finn-build-packages.txt",
    "docker/fetch_dependencies.py",
    "docker/install.py",
    "tools/bootstrap.py",
    "requirements.lock",
    "requirements-torch.txt",
)
PACKAGE = "/askew/build"  # where the container sees the build package; FINN's models name files by this path
LICENCES = "/askew/licences"
STOP_SECONDS = 10
# What a build behind a proxy or with a package index of its own needs; passed on only where it is set.
PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")


def check_docker() -> None:
    """FinnError in one line where docker cannot be used: not installed, no daemon, or no permission."""
    if not shutil.which("docker"):
        raise FinnError("docker is not installed; install it, or set FINN_ROOT to a FINN checkout (docker/README.md)")
    run = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, check=False
    )
    if run.returncode == 0:
        return
    reason = (run.stderr or run.stdout).strip().splitlines()[-1:] or ["it gives no reason"]
    if "permission denied" in run.stderr.lower():
        raise FinnError("docker: no permission on its socket; run `sudo usermod -aG docker $USER` and log in again")
    if "cannot connect" in run.stderr.lower() or "is the docker daemon running" in run.stderr.lower():
        raise FinnError("docker: its daemon is not running; start it, for example with `sudo systemctl start docker`")
    raise FinnError(f"docker: cannot be used ({reason[0]})")


def image_tag() -> str:
    """The image's name; another one whenever what it is made from changes.

    Raises:
        FinnError: there is no checkout to make it from.
    """
    if not DOCKERFILE.is_file():
        raise FinnError(
            "docker: the image is built from a checkout of Askew, and this Askew was installed without one; "
            "run it from a checkout, or set FINN_ROOT to a FINN checkout"
        )
    digest = hashlib.sha256()
    for name in IMAGE_INPUTS:
        digest.update((ROOT / name).read_bytes())
    for folder in ("bnn", "finn_build"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return f"askew-finn:{VERSION}-{digest.hexdigest()[:12]}"


def image_exists(tag: str) -> bool:
    """Whether the image has been built."""
    return subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode == 0


def build_command(tag: str, environment: Mapping[str, str], *, target: str = "build") -> list[str]:
    """The command that builds the image. BASE_IMAGE and DOCKER_BUILD_EXTRA in the environment change it."""
    command = ["docker", "build", "--file", str(DOCKERFILE), "--target", target, "--tag", tag]
    for name in ("BASE_IMAGE", *PASSED_ON):
        if environment.get(name):
            command += ["--build-arg", f"{name}={environment[name]}"]
    return [*command, *environment.get("DOCKER_BUILD_EXTRA", "").split(), str(ROOT)]


def run_command(
    tag: str, name: str, package: Path, tools: XilinxTools, inside: Sequence[str], environment: Mapping[str, str]
) -> list[str]:
    """The command that runs FINN on a package. It never wants a terminal, and its files are the user's.

    Args:
        tag: the image.
        name: the container's, by which it can be stopped.
        package: mounted where FINN writes.
        tools: mounted read-only at the path that they were installed to, which their scripts contain.
        inside: arguments for ``finn_build.container.inside``.
        environment: DOCKER_RUN_EXTRA adds options.
    """
    command = ["docker", "run", "--rm", "--init", "--name", name, *_user()]
    command += _mount(package, PACKAGE, readonly=False)
    command += _mount(tools.root, str(tools.root))
    if tools.platforms:
        command += _mount(tools.platforms, str(tools.platforms))
        command += ["--env", f"PLATFORM_REPO_PATHS={tools.platforms}"]
    licences = list(tools.licence_servers)
    for index, file in enumerate(tools.licence_files):
        target = f"{LICENCES}/{index}.lic"
        command += _mount(file, target)
        licences.append(target)
    if licences:
        command += ["--env", f"XILINXD_LICENSE_FILE={':'.join(licences)}"]
    command += ["--env", f"XILINX_ROOT={tools.root}", "--env", f"XILINX_VERSION={tools.version}"]
    return [*command, *environment.get("DOCKER_RUN_EXTRA", "").split(), tag, *inside]


def stop(name: str) -> None:
    """End a container, politely and then not; nothing happens where there is none."""
    for command in (["stop", "--time", str(STOP_SECONDS), name], ["rm", "--force", name]):
        subprocess.run(["docker", *command], capture_output=True, check=False)


def _user() -> list[str]:
    """Run as the user, so that the files are theirs; in rootless docker the container's root already is."""
    if shutil.which("docker"):
        command = ["docker", "info", "--format", "{{json .SecurityOptions}}"]
        if "rootless" in subprocess.run(command, capture_output=True, text=True, check=False).stdout:
            return []
    return ["--user", f"{os.getuid()}:{os.getgid()}"]


def _mount(source: Path, target: str, *, readonly: bool = True) -> list[str]:
    """A bind mount; the option is a line of CSV, so that any path can stand in it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if readonly else [])]
    )
    return ["--mount", line.getvalue()]
