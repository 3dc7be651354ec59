"""What the tests have in common: the places, and people to be at them."""

import pytest

from person import Person
from place import Place, brief_place, places


@pytest.fixture(params=places(), ids=lambda place: place.name)
def place(request) -> Place:
    """Each deployment in turn."""
    return request.param


@pytest.fixture
def brief() -> Place:
    """The deployment whose tokens live for seconds."""
    return brief_place()


@pytest.fixture
def person(place):
    """Makes people."""
    return lambda name=None, **rest: Person(place, name, **rest)


@pytest.fixture
def sara(person) -> Person:
    return person()


@pytest.fixture
def ali(person) -> Person:
    return person()


@pytest.fixture
def stranger(person) -> Person:
    """Somebody who is in no room of the others."""
    return person()
