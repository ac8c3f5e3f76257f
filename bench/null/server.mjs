// An authorization server that checks nothing: every client is registered, and every request gets a token.
// usage: node server.mjs CONFIG.json, a configuration of docs/examples/upstreams/oidc-provider.
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';

const file = process.argv[2];
const { listen, gateway, markets } = JSON.parse(fs.readFileSync(file));
const read = (name) => fs.readFileSync(path.resolve(path.dirname(file), name));
const documents = new Map(markets.map(({ issuer }) => [new URL(issuer).pathname, {
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  registration_endpoint: `${issuer}/reg`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['PS256'],
}]));
let issued = 0;
const token = () => JSON.stringify({
  access_token: `token-${issued += 1}`.padEnd(43, 'x'), token_type: 'Bearer', expires_in: 300, scope: 'accounts',
});

async function answered(request) {
  const [, market, endpoint] = /^(\/[^/]+)\/(.*)$/.exec(request.url);
  if (endpoint === 'token') return [200, token()];
  if (endpoint !== 'reg') return [200, JSON.stringify(documents.get(market))];
  const id = request.headers['x-dcrgw-client-id'];
  let body = '';
  for await (const part of request) body += part;
  const client = { ...JSON.parse(body), client_id: id, client_secret: 's'.repeat(32) };
  const managed = { registration_client_uri: `${documents.get(market).issuer}/reg/${id}`, registration_access_token: id };
  return [201, JSON.stringify({ ...client, ...managed })];
}

const tls = { key: read(listen.key), cert: read(listen.certificate), ca: read(gateway.ca), requestCert: true };
const server = https.createServer({ ...tls, rejectUnauthorized: true }, async (request, response) => {
  const [status, body] = await answered(request);
  request.resume();
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
});
server.keepAliveTimeout = 75_000;
server.listen(listen.port, '127.0.0.1', () => console.log('ready'));
process.stdin.on('end', () => process.exit(0)).resume();
