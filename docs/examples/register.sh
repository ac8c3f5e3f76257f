#!/bin/sh
# Registers the sandbox's TPP with curl, openssl and a shell alone.
#
#   docs/examples/register.sh [SANDBOX_FOLDER] [MARKET]
#
# SANDBOX_FOLDER is var/sandbox unless given, MARKET the sandbox's default one: uk-3.1 to uk-3.4, generic, brazil or
# australia.
# Prints the gateway's answer; ends with 0 when the client is registered.
set -eu
# shellcheck source=docs/examples/lib.sh
. "$(dirname "$0")/lib.sh"

open_sandbox "${1:-var/sandbox}" "${2:-}"
request "$(first_of token_endpoint_auth_methods)" "$(member scope)" |
  ask --fail-with-body --header "Content-Type: $(request_type)" --data-binary @- "$(member registration_endpoint)"
echo
