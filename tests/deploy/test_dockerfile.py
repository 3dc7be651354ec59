"""The Dockerfile. That its Rust stage works is shown by `make docker-steps`."""

import re
import tomllib
from pathlib import PurePath

from dockerfile import PATH, argument, context_patterns, instructions, is_in_context, stage
from files import ROOT, run, workspace


def test_hadolint_finds_nothing() -> None:
    assert run("hadolint", "--failure-threshold", "style", PATH).stdout == ""


def test_it_builds_as_the_makefile_does() -> None:
    line = re.search(r"^DIST_BUILD := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (build,) = [item for item in stage("build") if item.name == "RUN"]
    assert line and build.rest.split("&&")[0].strip() == line[1]
    profile = re.search(r"--profile (\w+)", line[1])
    assert profile and f"target/{profile[1]}/chapar" in build.rest
    assert "testing" not in line[1]


def test_caches_are_of_what_cargo_writes() -> None:
    (build,) = [item for item in stage("build") if item.name == "RUN"]
    mounts = [dict(word.split("=", 1) for word in mount.split(",")) for mount in build.options["mount"]]
    assert {mount["target"] for mount in mounts} == {"/usr/local/cargo/registry", "/src/target"}
    assert all(mount["type"] == "cache" and mount["sharing"] == "locked" for mount in mounts)


def test_the_compiler_is_one_that_the_workspace_takes() -> None:
    def version(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split("."))

    assert version(argument("RUST_VERSION")) >= version(workspace()["package"]["rust-version"])


def test_the_image_is_small_and_not_root() -> None:
    final = instructions()
    final = final[max(at for at, item in enumerate(final) if item.name == "FROM") :]
    assert final[0].rest.startswith("gcr.io/distroless/cc-debian12:nonroot")
    users = [item.rest for item in final if item.name == "USER"]
    assert users == ["65532:65532"]
    names = [item.name for item in final]
    assert "RUN" not in names, "there is no shell"
    assert {"HEALTHCHECK", "ENTRYPOINT", "VOLUME", "EXPOSE"} <= set(names)
    # Debian's release of both stages, or the C library would be older than what was linked with.
    assert stage("build")[0].rest.startswith("rust:${RUST_VERSION}-bookworm ")


def test_the_context_has_what_is_built_and_nothing_secret() -> None:
    crates = workspace()["members"]
    wanted = ["Cargo.toml", "Cargo.lock", *(f"{crate}/Cargo.toml" for crate in crates)]
    for name in wanted:
        assert (ROOT / name).exists() and is_in_context(PurePath(name)), name
    for name in (".env", "data/chapar.db", "target/debug/chapar", ".git/config", "docs/protocol.md", "chapar/src/.env"):
        assert not is_in_context(PurePath(name)), name
    assert context_patterns()[0] == "*", "nothing comes in by itself"


def crates_of_the_binary(crate: str) -> set[str]:
    """The crates of this workspace that are built into it."""
    paths = {name: entry["path"] for name, entry in workspace()["dependencies"].items() if "path" in entry}
    wanted = tomllib.loads((ROOT / crate / "Cargo.toml").read_text())["dependencies"]
    below = {paths[name] for name, entry in wanted.items() if name in paths and not entry.get("optional")}
    return {crate}.union(*map(crates_of_the_binary, below))


def test_files_that_crates_read_from_elsewhere_are_let_through() -> None:
    for crate in crates_of_the_binary("chapar"):
        for source in (ROOT / crate / "src").rglob("*.rs"):
            if "testing" in source.parts:
                continue  # not built into the image
            for name in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', source.read_text()):
                path = (source.parent / name).resolve().relative_to(ROOT)
                assert is_in_context(path), f"{source.relative_to(ROOT)} reads {path}"
        script = ROOT / crate / "build.rs"
        for name in re.findall(r'join\("(\.\./[^"]+)"\)', script.read_text() if script.exists() else ""):
            path = (script.parent / name).resolve().relative_to(ROOT)
            assert is_in_context(path / "a file"), f"{script.relative_to(ROOT)} reads {path}"
