"""Whether a secret that the suites used stands in a log.

    leaks.py SECRETS FOLDER

SECRETS has one a line; FOLDER is searched whole. Anything that looks like a token counts too, so that a suite that
noted nothing proves something still.
"""

import re
import sys
from pathlib import Path

# Two parts of a JSON Web Token: the head of every one begins so.
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")

# What the suites print about themselves is not a log of a server.
OWN = {"node.txt"}


def main(secrets: str, folder: str) -> int:
    noted = {line for line in Path(secrets).read_bytes().split(b"\n") if line}
    if not noted:
        print("leaks: no secret was noted", file=sys.stderr)
        return 1
    searched = leaks = 0
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name not in OWN):
        searched += 1
        for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
            if TOKEN.search(line) or any(secret in line for secret in noted):
                leaks += 1
                print(f"leaks: {file.name}:{number}: {line.decode(errors='replace')[:400]}", file=sys.stderr)
    print(f"leaks: {len(noted)} secrets, {searched} logs, {leaks} lines with one")
    return 1 if leaks or not searched else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: leaks.py SECRETS FOLDER")
    sys.exit(main(*sys.argv[1:]))
