#!/usr/bin/env bash
# Everything that must pass, in the order in which it is cheapest to fail. Needs root for the tests with real packets.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
if [ "$(id -u)" -ne 0 ]; then
    echo "test: the tests make network namespaces and load eBPF programs: run as root (sudo -E make test)" >&2
    exit 1
fi
cargo fmt --all --check
cargo clippy --workspace --all-targets --quiet -- -D warnings
cargo build --workspace --bins --quiet
cargo test --workspace
cargo xtask coverage --summary
