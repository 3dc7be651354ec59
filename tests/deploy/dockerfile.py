"""The Dockerfile, as far as it is written here: stages, instructions, their options."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from files import DEPLOY

PATH = DEPLOY / "Dockerfile"


@dataclass
class Instruction:
    """One instruction, its lines joined."""

    name: str
    options: dict[str, list[str]]
    rest: str


def instructions(path: Path = PATH) -> list[Instruction]:
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = []
    for line in joined.splitlines():
        if not line.strip():
            continue
        name, rest = line.split(None, 1)
        options: dict[str, list[str]] = {}
        while match := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
            options.setdefault(match[1], []).append(match[2])
            rest = rest[match.end() :]
        found.append(Instruction(name.upper(), options, rest.strip()))
    return found


def stage(name: str) -> list[Instruction]:
    """The instructions of the stage of that name, from its FROM on."""
    all_of_them = instructions()
    starts = [at for at, item in enumerate(all_of_them) if item.name == "FROM"] + [len(all_of_them)]
    for start, end in zip(starts, starts[1:], strict=False):
        if all_of_them[start].rest.endswith(f" AS {name}"):
            return all_of_them[start:end]
    raise AssertionError(f"no stage {name}")


def argument(name: str) -> str:
    """The default of an ARG before the first stage."""
    for item in instructions():
        if item.name == "ARG" and item.rest.startswith(f"{name}="):
            return item.rest.split("=", 1)[1]
    raise AssertionError(f"no ARG {name}")


def context_patterns() -> list[str]:
    """The lines of .dockerignore."""
    lines = [line.strip() for line in (DEPLOY.parent / ".dockerignore").read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def is_in_context(path: PurePath) -> bool:
    """Whether `COPY . .` finds a file: the last line that is about it, or about a folder above it, decides."""
    is_in = True
    for line in context_patterns():
        is_let, pattern = line.startswith("!"), line.lstrip("!")
        if any(matches(pattern, place) for place in (path, *path.parents) if place.parts):
            is_in = is_let
    return is_in


def matches(pattern: str, path: PurePath) -> bool:
    """A star is any name of one place; two at the beginning are any folders."""
    if pattern.startswith("**/"):
        return fnmatchcase(path.name, pattern.removeprefix("**/"))
    parts = pattern.split("/")
    return len(parts) == len(path.parts) and all(map(fnmatchcase, path.parts, parts))
