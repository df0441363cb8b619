#!/usr/bin/env bash
# One run of kpgeo on a cluster that somebody else hosts, encrypted both ways.
#   deploy/hosted/run.sh tls://SCHEDULER:8786 CERTIFICATES PIPELINE.toml WORKSPACE
# CERTIFICATES is a folder, readable by you alone, with ca.pem, certificate.pem and key.pem as the host gave them.
# WORKSPACE is a folder that the hosted workers mount at this very path.
set -euo pipefail

scheduler=${1:?the address of the scheduler}
certificates=${2:?the folder of certificates}
pipeline=${3:?which pipeline file}
workspace=${4:?which workspace}

case $scheduler in
tls://* | wss://*) ;;
*) echo "$scheduler is not encrypted: a hosted scheduler is spoken to by tls:// or wss://" >&2; exit 2 ;;
esac
for name in ca certificate key; do
    [ -s "$certificates/$name.pem" ] || { echo "$certificates/$name.pem is missing" >&2; exit 2; }
done
[ -z "$(find "$certificates/key.pem" -perm /077)" ] || { echo "$certificates/key.pem can be read by others: chmod 600 it" >&2; exit 2; }

export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=$certificates/ca.pem
export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=$certificates/certificate.pem
export DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=$certificates/key.pem
exec kpgeo run "$pipeline" --workspace "$workspace" --cluster "$scheduler" --json
