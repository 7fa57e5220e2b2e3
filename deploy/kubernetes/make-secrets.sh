#!/bin/sh
# Print the Secrets of the single-node overlay, with the random values of deploy/docker/make-secrets.sh:
#   deploy/kubernetes/make-secrets.sh | kubectl apply -f -
set -eu
here=$(dirname "$0")
folder=${1:-$here/../docker/secrets}
"$here/../docker/make-secrets.sh" "$folder"

# secret NAME FILE...: a Secret with these files of the folder.
secret() {
    name=$1
    shift
    for file in "$@"; do
        set -- "$@" "--from-file=$folder/$file"
        shift
    done
    kubectl create secret generic "$name" --namespace mithaq --dry-run=client --output yaml "$@"
    echo ---
}

for service in network agreements centers reporting; do
    secret "$service-secrets" "mithaq_${service}_database_url"
done
secret notifications-secrets mithaq_notifications_database_url mithaq_notifications_key_encryption_key
secret mithaq-secrets mithaq_database_url
secret postgres-secrets postgres_password postgres_network_password postgres_agreements_password \
    postgres_centers_password postgres_notifications_password postgres_reporting_password
