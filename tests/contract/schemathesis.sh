#!/bin/sh
# Holds a running server to its own OpenAPI document with schemathesis: no 5xx, no status, content type, header or
# body that the document does not tell, no operation that forgets to ask who calls.
#
#   schemathesis.sh BASE_URL TOKEN [schemathesis options]
#
# BASE_URL is http://127.0.0.1:8000; TOKEN is an access token of a user made for this run: its account, rooms and
# messages are changed at will. The tool is installed once, in .venv beside this file (CHAPAR_CONTRACT_VENV names
# another place). Exit status: 0 the server keeps its word, 1 it does not, 2 not usable.
set -eu

if [ "$#" -lt 2 ]; then
    echo "usage: schemathesis.sh BASE_URL TOKEN [schemathesis options]" >&2
    exit 2
fi
base_url=${1%/}
token=$2
shift 2

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=${CHAPAR_CONTRACT_VENV:-$here/.venv}

if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
    python3 -m venv "$venv" || exit 2
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" || exit 2
    cp "$here/requirements.txt" "$venv/installed.txt"
fi

# Signing out, changing the password and ending sessions would end the token that the run lives on; they have
# scenarios of their own. A deadline outside stands behind the one inside.
exec timeout 240 "$venv/bin/st" --config-file "$here/schemathesis.toml" run "$base_url/v1/openapi.json" \
    --url "$base_url" \
    --header "Authorization: Bearer $token" \
    --exclude-path /v1/auth/logout \
    --exclude-path-regex '^/v1/auth/sessions/' \
    --wait-for-schema 20 \
    "$@"
