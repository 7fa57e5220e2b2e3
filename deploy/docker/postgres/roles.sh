#!/bin/sh
# Runs once, on an empty data directory: a login for each service, with the password of its secret file.
# A login inherits nothing: the service acts as mithaq_app or, for its relay, as mithaq_relay. `mithaq db upgrade`
# lets each login into its own database and no other.
set -eu

for role in mithaq_app mithaq_relay; do
    psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --command "create role $role nologin"
done
for service in network agreements centers notifications reporting; do
    psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set service="$service" \
        --set password="$(cat "${SECRETS:-/run/secrets}/postgres_${service}_password")" <<'SQL'
create role :"service" login noinherit password :'password' in role mithaq_app, mithaq_relay;
SQL
done
