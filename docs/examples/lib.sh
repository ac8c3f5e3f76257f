# shellcheck shell=sh
# What the examples share: reading sandbox.json, signing with openssl, asking with curl. Sourced, not run.

open_sandbox() { # FOLDER: where it is; MARKET, or none for the default one
  folder=$1
  index=$folder/sandbox.json
  [ -r "$index" ] || { echo "no sandbox runs in $folder: start one with 'make sandbox'" >&2; exit 2; }
  market=${2:-$(sed -n 's/^  "market": "\(.*\)",$/\1/p' "$index")}
  # sandbox.json stands one member a line. Every market in its list has all members of a TPP.
  section=$(sed -n '/^  "markets": \[/,$p' "$index" | sed -n "/^      \"market\": \"$market\",\$/,/^    }/p")
  [ -n "$section" ] || { echo "the sandbox has no market $market" >&2; exit 2; }
}

markets() { # the names of all markets of the sandbox in $1, one a line
  sed -n '/^  "markets": \[/,$s/^      "market": "\(.*\)",$/\1/p' "$1/sandbox.json"
}
member() { # a text member of the market
  printf '%s\n' "$section" | sed -n "s/^      \"$1\": \"\(.*\)\",\{0,1\}\$/\1/p"
}
entries_of() { # the entries of a list member of the market, one a line
  printf '%s\n' "$section" | sed -n "/^      \"$1\": \[\$/,/\]/s/^        \"\(.*\)\",\{0,1\}\$/\1/p"
}
first_of() {
  entries_of "$1" | sed -n 1p
}

base64url() {
  openssl base64 -A | tr '+/' '-_' | tr -d '='
}
new_uuid() { # a version 4 UUID out of 16 random bytes
  openssl rand -hex 16 | sed 's/\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\)/\1-\2-4\3-a\4-\5/'
}
signing_input() { # HEADER CLAIMS
  printf '%s.%s' "$(printf '%s' "$1" | base64url)" "$(printf '%s' "$2" | base64url)"
}
ps256() { # CLAIMS: a compact JWS by the TPP's key
  input=$(signing_input "{\"typ\":\"JWT\",\"alg\":\"PS256\",\"kid\":\"$(member kid)\"}" "$1")
  # PS256 is RSA-PSS with SHA-256 and a salt as long as the digest (RFC 7518, section 3.5).
  signature=$(
    printf '%s' "$input" |
      openssl dgst -sha256 -sign "$folder/$(member signing_key)" \
        -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest |
      base64url
  )
  printf '%s.%s' "$input" "$signature"
}

is_plain() { # whether the market takes requests as JSON in place of a signed token
  [ "$(member request_media_type)" = application/json ]
}
authentication() { # METHOD: the metadata that say how the client will authenticate
  printf '"token_endpoint_auth_method":"%s"' "$1"
  case $1 in
    tls_client_auth) printf ',"tls_client_auth_subject_dn":"%s"' "$(member transport_subject_dn)" ;;
  esac
  case $1,$(member profile) in
    client_secret_jwt,*) printf ',"token_endpoint_auth_signing_alg":"HS256"' ;;
    private_key_jwt,* | *,obuk-3.1) printf ',"token_endpoint_auth_signing_alg":"PS256"' ;;
  esac
}
request() { # METHOD SCOPE [CLIENT_ID]: the body of a registration or, with a client id, of an update
  now=$(date +%s)
  metadata="\"redirect_uris\":[\"$(first_of redirect_uris)\"],$(authentication "$1"),\"scope\":\"$2\",
 \"grant_types\":[\"client_credentials\",\"authorization_code\",\"refresh_token\"],
 $(response_types),\"application_type\":\"web\",
 \"id_token_signed_response_alg\":\"PS256\",\"request_object_signing_alg\":\"PS256\",
 \"software_statement\":\"$(cat "$folder/$(member software_statement)")\"${3:+,\"client_id\":\"$3\"}"
  if is_plain; then
    printf '{%s}' "$metadata"
  else
    ps256 "{\"iss\":\"$(member software_id)\",\"aud\":\"$(member request_audience)\",
 \"iat\":$now,\"exp\":$((now + 300)),\"jti\":\"$(new_uuid)\",\"software_id\":\"$(member software_id)\",$metadata}"
  fi
}
request_type() { # the media type of that body
  member request_media_type
}
response_types() { # the metadata that say how the client is answered, as its market wants it
  case $(member profile) in
    au-cdr) printf '"response_types":["code"],"authorization_signed_response_alg":"PS256"' ;;
    *) printf '"response_types":["code id_token"]' ;;
  esac
}
token_scope() { # what a token is asked for that is to manage the client
  case $(member profile) in au-cdr) echo cdr:registration ;; *) echo accounts ;; esac
}
smaller_scope() { # what an update asks for; in Australia the statement alone says
  case $(member profile) in au-cdr) member scope ;; *) echo openid accounts ;; esac
}

ask() { # curl over mutual TLS with the TPP's certificate
  curl --silent --show-error --max-time 30 \
    --cacert "$folder/$(member server_ca)" \
    --cert "$folder/$(member transport_cert)" --key "$folder/$(member transport_key)" \
    --header "Accept: application/json" "$@"
}
