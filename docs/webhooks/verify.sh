#!/bin/sh
# Verify a webhook of Mithaq (Standard Webhooks 1.0, scheme v1) by hand, with openssl.
#
#     WEBHOOK_SECRET=whsec_… ./verify.sh WEBHOOK-ID WEBHOOK-TIMESTAMP WEBHOOK-SIGNATURE [NOW] < body
#
# For looking at one request: the key stands in the arguments of a process, where others on the machine may read it.
set -eu
id=$1 timestamp=$2 signatures=$3 tolerance=300

refuse() { echo refused; exit 1; }

case $timestamp in '' | *[!0-9]*) refuse ;; esac
age=$((${4:-$(date +%s)} - timestamp))
[ "${age#-}" -le "$tolerance" ] || refuse

key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
# The body goes through untouched: a shell variable would lose its last line break.
digest=$({ printf '%s.%s.' "$id" "$timestamp"; cat; } |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

# A shell compares in as many steps as two texts agree; under a random key that tells nothing.
once=$(openssl rand -hex 32)
blind() { printf %s "$1" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$once" -r; }
expected=$(blind "v1,$digest")
for given in $signatures; do
    if [ "$(blind "$given")" = "$expected" ]; then echo genuine; exit 0; fi
done
refuse
