// A TPP made of the openid-client library alone: discovery, a request (pushed, signed) with authorization_details,
// code, refresh, introspection, revocation.
// One JSON object in argv says who it is; the customer's browser is whoever answers the printed address on stdin.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import * as client from 'openid-client';
import { Agent, fetch } from 'undici';

const tpp = JSON.parse(process.argv[2]);
const agent = new Agent({ connect: { ca: readFileSync(tpp.ca), cert: readFileSync(tpp.cert), key: readFileSync(tpp.key) } });
const customFetch = (url, options) => fetch(url, { ...options, dispatcher: agent });

const pem = readFileSync(tpp.signing_key, 'utf8').replace(/-----[A-Z ]+-----|\s/g, '');
const algorithm = { name: 'RSA-PSS', hash: 'SHA-256' };
const key = await crypto.subtle.importKey('pkcs8', Buffer.from(pem, 'base64'), algorithm, false, ['sign']);
const signer = { key, kid: tpp.kid };

const metadata = { use_mtls_endpoint_aliases: true, id_token_signed_response_alg: 'PS256' };
const proof = tpp.method === 'private_key_jwt' ? client.PrivateKeyJwt(signer) : client.TlsClientAuth();
const options = { [client.customFetch]: customFetch };
const config = await client.discovery(new URL(tpp.issuer), tpp.client_id, metadata, proof, options);
config[client.customFetch] = customFetch;
if (tpp.hybrid) {
  client.useCodeIdTokenResponseType(config);
  // The ID token beside the code is its signature: c_hash and s_hash are looked at (FAPI 1.0 Advanced).
  client.enableDetachedSignatureResponseChecks(config);
}

const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const parameters = {
  redirect_uri: tpp.redirect_uri,
  scope: 'openid accounts',
  // Text as a parameter; in a request object the library puts the list itself, as RFC 9396 §3 has it.
  authorization_details: JSON.stringify(tpp.details),
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
};

async function address() {
  if (tpp.signed) {
    const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, signer);
    return tpp.pushed ? client.buildAuthorizationUrlWithPAR(config, signed.searchParams) : signed;
  }
  return tpp.pushed
    ? client.buildAuthorizationUrlWithPAR(config, parameters)
    : client.buildAuthorizationUrl(config, parameters);
}

console.log((await address()).href);
const redirected = await createInterface({ input: process.stdin }).question('');
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await client.authorizationCodeGrant(config, new URL(redirected), checks);
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
const told = await client.tokenIntrospection(config, renewed.access_token);
await client.tokenRevocation(config, tokens.refresh_token);
const ended = await client.tokenIntrospection(config, renewed.access_token);
const granted = tokens.authorization_details;
console.log(JSON.stringify({ claims: tokens.claims(), granted, told, ended }));
process.exit(0);
