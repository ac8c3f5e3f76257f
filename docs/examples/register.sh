#!/bin/sh
# Registers the sandbox's TPP with curl, openssl and a shell alone.
#
#   docs/examples/register.sh [SANDBOX_FOLDER] [MARKET]
#
# SANDBOX_FOLDER is var/sandbox unless given, MARKET the sandbox's default one: uk-3.2, uk-3.3, uk-3.4 or generic.
# Prints the gateway's answer; ends with 0 when the client is registered.
set -eu

folder=${1:-var/sandbox}
index=$folder/sandbox.json
[ -r "$index" ] || { echo "no sandbox runs in $folder: start one with 'make sandbox'" >&2; exit 2; }

# sandbox.json stands one member a line. Every market in its list has all members of a TPP.
market=${2:-$(sed -n 's/^  "market": "\(.*\)",$/\1/p' "$index")}
section=$(sed -n '/^  "markets": \[/,$p' "$index" | sed -n "/^      \"market\": \"$market\",\$/,/^    }/p")
[ -n "$section" ] || { echo "the sandbox has no market $market" >&2; exit 2; }

member() { # a text member of the market
  printf '%s\n' "$section" | sed -n "s/^      \"$1\": \"\(.*\)\",\{0,1\}\$/\1/p"
}
first_of() { # the first entry of a list member of the market
  printf '%s\n' "$section" | sed -n "/^      \"$1\": \[\$/,/\]/s/^        \"\(.*\)\",\{0,1\}\$/\1/p" | sed -n 1p
}
base64url() {
  openssl base64 -A | tr '+/' '-_' | tr -d '='
}

statement=$(cat "$folder/$(member software_statement)")
now=$(date +%s)
# A version 4 UUID out of 16 random bytes.
jti=$(openssl rand -hex 16 | sed 's/\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\)/\1-\2-4\3-a\4-\5/')

if [ "$(member profile)" = rfc7591 ]; then
  content_type=application/json
  body=$(
    cat <<JSON
{"redirect_uris":["$(first_of redirect_uris)"],"grant_types":["authorization_code"],"response_types":["code"],
 "token_endpoint_auth_method":"tls_client_auth","tls_client_auth_subject_dn":"$(member transport_subject_dn)",
 "software_statement":"$statement"}
JSON
  )
else
  content_type=application/jose
  header="{\"typ\":\"JWT\",\"alg\":\"PS256\",\"kid\":\"$(member kid)\"}"
  claims=$(
    cat <<JSON
{"iss":"$(member software_id)","aud":"$(member request_audience)","iat":$now,"exp":$((now + 300)),"jti":"$jti",
 "software_id":"$(member software_id)","software_statement":"$statement","redirect_uris":["$(first_of redirect_uris)"],
 "token_endpoint_auth_method":"tls_client_auth","tls_client_auth_subject_dn":"$(member transport_subject_dn)",
 "grant_types":["client_credentials","authorization_code","refresh_token"],"response_types":["code id_token"],
 "application_type":"web","scope":"$(member scope)",
 "id_token_signed_response_alg":"PS256","request_object_signing_alg":"PS256"}
JSON
  )
  signing_input=$(printf '%s' "$header" | base64url).$(printf '%s' "$claims" | base64url)
  # PS256 is RSA-PSS with SHA-256 and a salt as long as the digest (RFC 7518, section 3.5).
  signature=$(
    printf '%s' "$signing_input" |
      openssl dgst -sha256 -sign "$folder/$(member signing_key)" \
        -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest |
      base64url
  )
  body=$signing_input.$signature
fi

printf '%s' "$body" |
  curl --silent --show-error --fail-with-body --max-time 30 \
    --cacert "$folder/$(member server_ca)" \
    --cert "$folder/$(member transport_cert)" --key "$folder/$(member transport_key)" \
    --header "Content-Type: $content_type" --header "Accept: application/json" \
    --data-binary @- "$(member registration_endpoint)"
echo
