#!/bin/sh
# A client's whole life with curl, openssl and a shell alone: register, get a token, read, update, delete, and find
# nothing left; once for each way to authenticate at the token endpoint, in every market.
#
#   docs/examples/walk.sh [SANDBOX_FOLDER] [MARKET [METHOD]]
#
# SANDBOX_FOLDER is var/sandbox unless given. Ends with 0 when every answer was as told here, else at the first that
# was not.
set -eu
# shellcheck source=docs/examples/lib.sh
. "$(dirname "$0")/lib.sh"

place=${1:-var/sandbox}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
answer=$work/answer

step() { # STATUS TITLE CURL_OPTIONS...: ask, and go on only if the answer has that status
  expected=$1 title=$2
  shift 2
  status=$(ask --output "$answer" --write-out '%{http_code}' "$@")
  echo "  $title: $status"
  [ "$status" = "$expected" ] || { echo "  not $expected: $(cat "$answer")" >&2; exit 1; }
}
answered() { # a text member of the last answer
  sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$answer"
}

assertion() { # by the client's key, or with `secret` by its secret: who it is, to whom, once (RFC 7523, section 3)
  now=$(date +%s)
  claims="{\"iss\":\"$client_id\",\"sub\":\"$client_id\",\"aud\":\"$(member issuer)\",\"jti\":\"$(new_uuid)\",
 \"iat\":$now,\"exp\":$((now + 60))}"
  if [ "${1:-}" = secret ]; then
    input=$(signing_input '{"typ":"JWT","alg":"HS256"}' "$claims")
    # A real client keeps its secret off the command line: every user of the machine can see it there.
    printf '%s.%s' "$input" "$(printf '%s' "$input" | openssl dgst -sha256 -hmac "$secret" -binary | base64url)"
  else
    ps256 "$claims"
  fi
}
token() { # METHOD: the client credentials grant. curl reads what is secret from its standard input
  by_assertion="client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
  form="grant_type=client_credentials&scope=$(token_scope)"
  case $1 in
    tls_client_auth) form="$form&client_id=$client_id" ;;
    private_key_jwt) form="$form&client_id=$client_id&$by_assertion&client_assertion=$(assertion)" ;;
    client_secret_jwt) form="$form&client_id=$client_id&$by_assertion&client_assertion=$(assertion secret)" ;;
    client_secret_post) form="$form&client_id=$client_id&client_secret=$secret" ;;
    client_secret_basic) ;; # the header below; id and secret here hold nothing that must be escaped for it
  esac
  if [ "$1" = client_secret_basic ]; then
    printf 'Authorization: Basic %s' "$(printf '%s:%s' "$client_id" "$secret" | openssl base64 -A)" |
      step 200 "a token by $1" --header @- --data "$form" "$(member token_endpoint)"
  else
    printf '%s' "$form" | step 200 "a token by $1" --data-binary @- "$(member token_endpoint)"
  fi
}
manage() { # STATUS TITLE CURL_OPTIONS...: at the client's own URL, with the token that manages it
  printf 'Authorization: Bearer %s' "$bearer" | step "$@" --header @- "$client"
}

life() { # METHOD
  echo "$market, $1"
  request "$1" "$(member scope)" |
    step 201 registered --header "Content-Type: $(request_type)" --data-binary @- "$(member registration_endpoint)"
  client_id=$(answered client_id) secret=$(answered client_secret)
  client=$(answered registration_client_uri) bearer=$(answered registration_access_token)
  client=${client:-$(member registration_endpoint)/$client_id}
  token "$1"
  # Where the bank gave a registration access token, that one manages (RFC 7592); elsewhere the client's own does.
  bearer=${bearer:-$(answered access_token)}
  manage 200 read
  request "$1" "$(smaller_scope)" "$client_id" >"$work/update"
  manage 200 updated --request PUT --header "Content-Type: $(request_type)" --data-binary "@$work/update"
  [ "$(answered scope)" = "$(smaller_scope)" ] || { echo "  the scope is $(answered scope)" >&2; exit 1; }
  manage 204 deleted --request DELETE
  manage 401 "deleted again" --request DELETE
}

[ -r "$place/sandbox.json" ] || open_sandbox "$place"
for name in ${2:-$(markets "$place")}; do
  open_sandbox "$place" "$name"
  for method in ${3:-$(entries_of token_endpoint_auth_methods)}; do
    life "$method"
  done
done
