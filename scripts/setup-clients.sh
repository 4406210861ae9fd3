#!/usr/bin/env bash
# Installs what only tests need and is missing: the clients that drive the EC2 and VPC APIs, all below target/, and an NFS server and
# client. Building and running Pintle needs none of it. Says what it does; does nothing where all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
aws=$here/target/aws ibm=$here/target/ibm js=$here/target/js

# The server and the client of shares. Their packages bring services of the machine, which the tests don't want: neither
# started now nor with the machine.
nfs=()
for package in nfs-ganesha nfs-ganesha-vfs libnfs-utils; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || nfs+=("$package")
done
if [ ${#nfs[@]} -gt 0 ]; then
    sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    echo "setup: installing ${nfs[*]}"
    had_rpcbind=$(dpkg-query -W -f='${db:Status-Status}' rpcbind 2>/dev/null | grep -x installed || true)
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap '$sudo rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
        $sudo chmod 755 "$policy"
        ours=1
    fi
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${nfs[@]}" >/dev/null
    if [ -d /run/systemd/system ]; then
        units=(nfs-ganesha.service nfs-ganesha-lock.service)
        [ -n "$had_rpcbind" ] || units+=(rpcbind.service rpcbind.socket)
        $sudo systemctl disable --quiet "${units[@]}" 2>/dev/null || true
    fi
    if [ -n "${ours:-}" ]; then
        $sudo rm -f "$policy"
        trap - EXIT
    fi
fi

# What is there was installed from these lists; what was begun and not ended has none.
current() { cat "$here"/scripts/aws/*.txt | cmp -s - "$aws/installed"; }

need_venv() {
    if ! dpkg-query -W -f='${db:Status-Status}' python3-venv 2>/dev/null | grep -qx installed; then
        sudo=
        [ "$(id -u)" -eq 0 ] || sudo=sudo
        echo "setup: installing python3-venv"
        $sudo apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
    fi
}

if ! current; then
    need_venv
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

if ! cmp -s "$here/scripts/ibm/requirements.txt" "$ibm/installed"; then
    need_venv
    echo "setup: installing IBM's SDK into target/ibm"
    rm -rf "$ibm"
    mkdir -p "$here/target"
    python3 -m venv "$ibm"
    "$ibm/bin/pip" install -q --disable-pip-version-check -r "$here/scripts/ibm/requirements.txt"
    cp "$here/scripts/ibm/requirements.txt" "$ibm/installed"
fi
