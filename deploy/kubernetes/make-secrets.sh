#!/bin/sh
# Print the Secrets of an installation, with the random values of deploy/docker/make-secrets.sh:
#   deploy/kubernetes/make-secrets.sh | kubectl apply -f -                                    single-node
#   MITHAQ_POSTGRES=postgres-rw:5432 deploy/kubernetes/make-secrets.sh FOLDER | kubectl apply -f -    production
# CloudNativePG reads user name and password from the same Secrets; the services read the other keys as files.
set -eu
here=$(dirname "$0")
folder=${1:-$here/../docker/secrets}
"$here/../docker/make-secrets.sh" "$folder"

# secret NAME LOGIN PASSWORD-FILE FILE...: a Secret with the login, its password, and these files of the folder.
secret() {
    name=$1 login=$2 password=$3
    shift 3
    for file in "$@"; do
        set -- "$@" "--from-file=$folder/$file"
        shift
    done
    kubectl create secret generic "$name" --namespace mithaq --type kubernetes.io/basic-auth \
        --from-literal="username=$login" --from-file="password=$folder/$password" "$@" --dry-run=client --output yaml |
        kubectl label --local --filename - --dry-run=client --output yaml cnpg.io/reload=true
    echo ---
}

secret mithaq-secrets mithaq postgres_password mithaq_database_url mithaq_notifications_key_encryption_key
for service in network agreements centers reporting; do
    secret "$service-secrets" "$service" "postgres_${service}_password" "mithaq_${service}_database_url"
done
secret notifications-secrets notifications postgres_notifications_password \
    mithaq_notifications_database_url mithaq_notifications_key_encryption_key
secret postgres-secrets mithaq postgres_password postgres_password postgres_network_password \
    postgres_agreements_password postgres_centers_password postgres_notifications_password postgres_reporting_password
