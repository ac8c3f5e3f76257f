#!/bin/sh
# Keycloak's distribution, by Maven, into a folder of its own; nothing else is touched.
# usage: install.sh FOLDER
set -eu
version=26.0.8
digest=$(cat "$(dirname "$0")/keycloak.sha256")
folder=$1
[ -e "$folder/keycloak-$version/bin/kc.sh" ] && exit 0
mkdir -p "$folder"
mvn -q -B dependency:copy -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:tar.gz" -DoutputDirectory="$folder"
archive=$folder/keycloak-quarkus-dist-$version.tar.gz
echo "$digest  $archive" | sha256sum --check --quiet
tar -xzf "$archive" -C "$folder"
rm "$archive"
