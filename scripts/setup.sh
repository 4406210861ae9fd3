#!/usr/bin/env bash
# Installs what building and running need and is missing: Debian packages and a Rust toolchain. Says what it does;
# does nothing, and asks nothing, where all is there.
set -euo pipefail

need_rust=1.91
packages=(clang llvm libbpf-dev libelf-dev zlib1g-dev linux-libc-dev pkg-config make gcc libc6-dev iproute2 iputils-ping nftables bpftool curl ca-certificates)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    echo "setup: installing ${missing[*]}"
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

[ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
have_rust=$(cargo --version 2>/dev/null | awk '{print $2}' || true)
if [ -z "$have_rust" ] || [ "$(printf '%s\n' "$need_rust" "$have_rust" | sort -V | head -n1)" != "$need_rust" ]; then
    echo "setup: installing Rust (found: ${have_rust:-none}; needed: $need_rust or newer)"
    curl --proto '=https' --tlsv1.2 -fsS https://sh.rustup.rs | sh -s -- -y --profile minimal --component clippy --component rustfmt >/dev/null
fi
