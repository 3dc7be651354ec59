"""Whether a file is a valid OpenAPI document.

    lint.py OPENAPI
"""

import json
import sys
from pathlib import Path

import jsonschema_rs
from openapi_schema_validator import oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator


@oas31_format_checker.checks("regex", raises=ValueError)
def is_regex(pattern) -> bool:
    """Patterns are those of JavaScript with the flag `u`, with `\\p{L}`, which Python's do not have."""
    if isinstance(pattern, str):
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    return True


def main(file: str) -> int:
    document = json.loads(Path(file).read_text(encoding="utf-8"))
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    for error in errors:
        print(f"{'/'.join(str(part) for part in error.absolute_path)}: {error.message}", file=sys.stderr)
    if not errors:
        print(f"valid OpenAPI, {len(document['paths'])} paths")
    return 1 if errors else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: lint.py OPENAPI")
    sys.exit(main(sys.argv[1]))
