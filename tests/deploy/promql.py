"""What an expression of PromQL asks for."""

from collections import defaultdict
from collections.abc import Iterator

import promql_parser
from promql_parser import VectorSelector


def selectors(expression: str) -> Iterator[VectorSelector]:
    """The selectors of an expression; one that cannot be parsed fails."""
    yield from walk(promql_parser.parse(expression))


def walk(node: object) -> Iterator[VectorSelector]:
    if isinstance(node, VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        child = getattr(node, name, None)
        if child is not None and not isinstance(child, str | int | float):
            yield from walk(child)
    for child in getattr(node, "args", None) or []:
        yield from walk(child)


def metric_names(expression: str) -> set[str]:
    names = {selector.name for selector in selectors(expression)}
    assert None not in names, f"a selector without a name in {expression}"
    return names


def labels_of_matchers(expression: str) -> dict[str, set[str]]:
    """Labels that each metric is selected by."""
    found: dict[str, set[str]] = defaultdict(set)
    for selector in selectors(expression):
        found[selector.name] |= {matcher.name for matcher in selector.matchers.matchers}
    return found
