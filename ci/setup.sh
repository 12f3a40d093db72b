#!/usr/bin/env bash
# Installs what building and testing need from Debian's packages. Can be run again; installs
# nothing that is there. Needs root, or sudo, only when something is missing.
set -euo pipefail

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
# The report is tested in a real browser.
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)

if ! command -v cargo >/dev/null; then
    echo "setup: no cargo; install Rust from your distribution or with rustup, then run this again" >&2
    exit 1
fi
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    echo "setup: installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
echo "setup: ready"
