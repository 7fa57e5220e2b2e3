#!/bin/sh
# Send your receiver a signed webhook as Mithaq would, with openssl and curl: answer 2xx to it, and 4xx to an altered one.
#
#     WEBHOOK_SECRET=whsec_… ./send.sh https://academie.example/avis < body
set -eu
url=$1
body=$(mktemp)
trap 'rm -f "$body"' EXIT
cat > "$body"

id=${WEBHOOK_ID:-test_$(openssl rand -hex 8)}
timestamp=${WEBHOOK_TIMESTAMP:-$(date +%s)}
key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
digest=$({ printf '%s.%s.' "$id" "$timestamp"; cat "$body"; } |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

curl --silent --show-error --max-time 15 --output /dev/null --write-out '%{http_code}\n' \
    --header 'Content-Type: application/json' \
    --header "webhook-id: $id" \
    --header "webhook-timestamp: $timestamp" \
    --header "webhook-signature: v1,$digest" \
    --data-binary "@$body" "$url"
