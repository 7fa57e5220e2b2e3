#!/bin/sh
# Runs once, on an empty data directory: a login and a database for each service, closed to the others.
# A login inherits nothing; the service acts as mithaq_app or, for its relay, as mithaq_relay.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --command "create role mithaq_app nologin" --command "create role mithaq_relay nologin"
for service in network agreements centers notifications reporting; do
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set service="$service" --set database="mithaq_$service" \
        --set password="$(cat "/run/secrets/postgres_${service}_password")" <<'SQL'
create role :"service" login noinherit password :'password' in role mithaq_app, mithaq_relay;
create database :"database";
revoke connect on database :"database" from public;
grant connect on database :"database" to :"service";
SQL
done
