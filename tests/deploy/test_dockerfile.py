"""The Dockerfile. That its Rust stage works is shown by `make docker-steps`."""

import re

from dockerfile import PATH, argument, ignored, instructions, stage
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
    assert stage("build")[0].rest.startswith("rust:${RUST_VERSION}-slim-bookworm ")


def test_the_context_has_what_is_built_and_nothing_secret() -> None:
    let, left_out = ignored()
    assert set(workspace()["members"]) <= let
    assert {"Cargo.toml", "Cargo.lock"} <= let
    assert not {".env", "data", "target", ".git"} & let
    assert {"**/.env", "**/node_modules"} <= set(left_out)
    for name in let:
        assert (ROOT / name).exists(), name


def test_files_that_crates_read_from_elsewhere_are_let_through() -> None:
    let, _ = ignored()
    crates = ("shared", "broker", "api", "gateway", "chapar")
    for crate in crates:
        for source in (ROOT / crate / "src").rglob("*.rs"):
            if "testing" in source.parts:
                continue  # not built into the image
            for name in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', source.read_text()):
                path = (source.parent / name).resolve().relative_to(ROOT)
                assert any(path.is_relative_to(item) for item in let), f"{source.name} reads {path}"
