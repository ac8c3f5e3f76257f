#!/bin/sh
# Ory Hydra, built with Go from its module's source, into a folder of its own.
# usage: install.sh FOLDER
#
# Its go.mod points for its own client library into its repository, at a folder that the module does not hold. The
# published client library stands in for it: only Hydra's command line uses it, never its server.
set -eu
version=v2.3.0
folder=$1
[ -x "$folder/hydra" ] && exit 0
mkdir -p "$folder"
source=$(go mod download -json "github.com/ory/hydra/v2@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cp -R "$source/." "$work"
chmod -R u+w "$work"
cd "$work"
go mod edit -dropreplace github.com/ory/hydra-client-go/v2
GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=1 go build -buildvcs=false -tags sqlite -o hydra .
cd - >/dev/null
mv "$work/hydra" "$folder/hydra"
