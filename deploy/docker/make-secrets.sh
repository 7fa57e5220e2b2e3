#!/bin/sh
# Make the secrets of an installation, each a random file under deploy/docker/secrets (or the folder given).
# A file that exists is kept, so running it again changes nothing; to rotate one, see docs/operations.md.
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
server=${MITHAQ_POSTGRES:-postgres:5432}
mkdir -p "$folder"
# The folder is closed to other people of this machine; the files are readable to the containers' own users.
chmod 700 "$folder"

random() { LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 40; }

# keep NAME VALUE: write the file unless it is there.
keep() {
    [ -s "$folder/$1" ] || printf '%s' "$2" >"$folder/$1"
    chmod 444 "$folder/$1"
}

keep postgres_password "$(random)"
keep mithaq_database_url "postgresql://mithaq:$(cat "$folder/postgres_password")@$server"
for service in network agreements centers notifications reporting; do
    keep "postgres_${service}_password" "$(random)"
    keep "mithaq_${service}_database_url" \
        "postgresql://$service:$(cat "$folder/postgres_${service}_password")@$server/mithaq_$service"
done
keep mithaq_notifications_key_encryption_key "$(head -c 32 /dev/urandom | base64)"
keep keycloak_admin_password "$(random)"
keep grafana_admin_password "$(random)"
