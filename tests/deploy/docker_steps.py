"""Runs the Dockerfile's Rust stage as it stands, outside of a container: what the context lets through is copied to an
empty folder, the stage's commands run there, and the binary that the image would have is asked what it is.

Where the container has folders of its own (the workdir, /image, the caches), this has some of a temporary one; the
compiler is the machine's, which must be of the version that the Dockerfile names or newer.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dockerfile import argument, is_in_context, stage
from files import ROOT

# What gcr.io/distroless/cc-debian12 brings that a program of Rust and C is linked with.
LIBRARIES = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def copy_context(target: Path) -> None:
    """What `COPY . .` finds: files of the repository that .dockerignore lets through."""
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, tracked):
        path = Path(name)
        if is_in_context(path) and (ROOT / path).is_file():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target / path)


def check_compiler() -> None:
    said = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout
    found = tuple(int(number) for number in re.findall(r"\d+", said)[:2])
    wanted = tuple(int(number) for number in argument("RUST_VERSION").split(".")[:2])
    if found < wanted:
        sys.exit(f"docker-steps: the Dockerfile builds with Rust {wanted}, here is {found}")


def run(command: list[str], **more: object) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **more).stdout  # type: ignore[call-overload]


def main() -> None:
    check_compiler()
    with tempfile.TemporaryDirectory(prefix="chapar-image-") as name:
        box = Path(name)
        workdir = box
        places = {"/image": str(box / "image")}
        for item in stage("build"):
            if item.name == "WORKDIR":
                workdir = box / item.rest.lstrip("/")
                workdir.mkdir(parents=True)
                places[item.rest] = str(workdir)
            elif item.name == "COPY":
                assert item.rest == ". .", "the build stage takes the whole context"
                copy_context(workdir)
            elif item.name == "RUN":
                # The target's cache is a folder that is empty at first; the registry's is the machine's.
                command = item.rest
                for place, real in places.items():
                    command = re.sub(rf"(?<![\w/.]){re.escape(place)}(?=/|\s|$)", real, command)
                print(f"docker-steps: {command}", flush=True)
                environment = {key: value for key, value in os.environ.items() if not key.startswith(("CARGO_TARGET", "RUSTUP_"))}
                subprocess.run(["sh", "-euc", command], cwd=workdir, env=environment, check=True)
            elif item.name not in ("FROM", "ARG"):
                sys.exit(f"docker-steps: {item.name} of the build stage is not understood")
        binary = box / "image/usr/local/bin/chapar"
        assert (box / "image/data").is_dir(), "the folder of data is made"
        linked = {line.split()[0].rsplit("/", 1)[-1] for line in run(["ldd", str(binary)]).splitlines()}
        assert linked <= LIBRARIES, f"the final image lacks {linked - LIBRARIES}"
        print(f"docker-steps: {run([str(binary), '--version']).strip()}, {binary.stat().st_size >> 20} MiB")
        status = subprocess.run([binary, "healthcheck"], cwd=box, env={"CHAPAR_HTTP__BIND": "127.0.0.1:9"}, capture_output=True).returncode
        assert status == 1, "where no node is, the health check says so"


if __name__ == "__main__":
    main()
