"""Which operations answered 2xx, so that a run in which nothing was found is not taken for a good one.

As a module of schemathesis' hooks it counts answers, and at the end writes them to the file that CHAPAR_ANSWERS
names; it also writes whole numbers as such, as the description asks for. As a program, `answers.py OPENAPI ANSWERS`, it tells the operations of the description that never answered
2xx; exit status 1 if there are any that should have.
"""

import atexit
import json
import os
import sys
from collections import Counter
from pathlib import Path

# They would end the session that the run lives on; scenarios of the test suite hold them to their word.
EXEMPT = {"POST /v1/auth/logout", "DELETE /v1/auth/sessions/{id}"}


def watch(path: str) -> None:
    import schemathesis

    counts: Counter = Counter()

    @schemathesis.hook
    def map_case(context, case):
        # To JSON Schema 1.0 is an integer too, and no schema can tell them apart.
        if isinstance(case.body, dict) and case.media_type == "application/json":
            body = whole(case.body)
            if repr(body) != repr(case.body):
                case.body = body
        return case

    @schemathesis.hook
    def filter_case(context, case):
        # Nor can a schema tell that a part's name stands in a header.
        is_form = isinstance(case.body, dict) and case.media_type == "multipart/form-data"
        return not is_form or all(name.isprintable() for name in case.body)

    @schemathesis.hook
    def after_call(context, case, response):
        # Cases with a method that the path does not have are asked in the name of one that it has.
        if case.method.upper() == case.operation.method.upper():
            counts[f"{case.operation.label} {response.status_code}"] += 1

    atexit.register(lambda: Path(path).write_text(json.dumps(counts), encoding="utf-8"))


def whole(value):
    """The value with 1 for 1.0, at any depth."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: whole(item) for name, item in value.items()}
        case list():
            return [whole(item) for item in value]
    return value


def main(description: str, answers: str) -> int:
    paths = json.loads(Path(description).read_text(encoding="utf-8"))["paths"]
    counts = json.loads(Path(answers).read_text(encoding="utf-8"))
    good = {label.rsplit(" ", 1)[0] for label in counts if label.rsplit(" ", 1)[1].startswith("2")}
    operations = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    missing = sorted(operations - good - EXEMPT)
    print(f"{len(good)} of {len(operations)} operations answered 2xx")
    for operation in missing:
        seen = {label.rsplit(" ", 1)[1]: count for label, count in counts.items() if label.startswith(f"{operation} ")}
        print(f"never 2xx: {operation}: {seen}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: answers.py OPENAPI ANSWERS")
    sys.exit(main(*sys.argv[1:]))
elif "CHAPAR_ANSWERS" in os.environ:
    watch(os.environ["CHAPAR_ANSWERS"])
