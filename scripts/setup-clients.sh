#!/usr/bin/env bash
# Installs what only tests need and is missing: the clients that drive the EC2 API, all below target/. Building and running
# Pintle needs none of it. Says what it does; does nothing where all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
aws=$here/target/aws js=$here/target/js

# What is there was installed from these lists; what was begun and not ended has none.
current() { cat "$here"/scripts/aws/*.txt | cmp -s - "$aws/installed"; }

if ! current; then
    if ! dpkg-query -W -f='${db:Status-Status}' python3-venv 2>/dev/null | grep -qx installed; then
        sudo=
        [ "$(id -u)" -eq 0 ] || sudo=sudo
        echo "setup: installing python3-venv"
        $sudo apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
    fi
    echo "setup: installing the clients of the EC2 API into target/aws"
    rm -rf "$aws"
    mkdir -p "$here/target"
    python3 -m venv "$aws"
    "$aws/bin/pip" install -q --disable-pip-version-check -r "$here/scripts/aws/requirements.txt"
    # Of Ansible's hundred collections only AWS's, and only that is unpacked.
    wheel=$(mktemp -d)
    trap 'rm -rf "$wheel"' EXIT
    "$aws/bin/pip" download -q --disable-pip-version-check --no-deps -d "$wheel" -r "$here/scripts/aws/collections.txt"
    "$aws/bin/python" - "$wheel"/*.whl "$aws" <<'PYTHON'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith("ansible_collections/amazon/aws/")])
PYTHON
    cat "$here"/scripts/aws/*.txt > "$aws/installed"
fi

if ! cmp -s "$here/scripts/js/package-lock.json" "$js/installed"; then
    echo "setup: installing AWS's SDK for JavaScript into target/js"
    rm -rf "$js"
    mkdir -p "$js"
    cp "$here"/scripts/js/package*.json "$js/"
    PATH="$aws/bin:$PATH" npm ci --prefix "$js" --silent --no-audit --no-fund --ignore-scripts
    cp "$js/package-lock.json" "$js/installed"
fi
