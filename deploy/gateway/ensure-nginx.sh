#!/bin/sh
# Have an nginx for tests/gateway: Debian's, installed when it is missing and we may.
set -eu

command -v nginx >/dev/null && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "nginx is missing; install it (Debian: apt-get install nginx-light)" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends nginx-light >/dev/null
# The package starts a server of its own; the tests start theirs.
if pidof nginx >/dev/null 2>&1; then nginx -s quit || true; fi
