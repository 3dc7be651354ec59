"""The arithmetic of docs/scaling.md is that of its own figures."""

import pytest

from files import ROOT, seconds
from nodes import Node
from scaling import DOCUMENTS, figures, written


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_table_follows_from_the_figures(document) -> None:  # type: ignore[no-untyped-def]
    assert document.read_text() == written(document), "tests/deploy/run --write"


def test_both_languages_have_the_same_figures() -> None:
    english, persian = map(figures, DOCUMENTS)
    assert english == persian and len(english) == 18


def test_settings_are_those_in_force() -> None:
    gateway = Node("defaults", "all", {}, set(), set(), 0).settings()["gateway"]
    assert figures(DOCUMENTS[0])["T"] == seconds(gateway["check_interval"])
    assert (ROOT / "k8s/base/autoscaling.yaml").read_text().count(f'averageValue: "{figures(DOCUMENTS[0])["s"] / 1000:.0f}k"') == 1
