// A bank's authorization server behind the gateway. usage: node server.mjs CONFIG.json; README.md says what it holds.
// It ends on SIGTERM, and when whoever started it with a pipe as its standard input has gone.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { certificateOf, MalformedCertificate } from './certificates.mjs';
import { readConfiguration } from './configuration.mjs';
import { signingKeys } from './keys.mjs';
import { createMarket } from './market.mjs';

// `change` may alter the options of a market before they count.
export async function serve(configuration, change = (options) => options) {
  const { listen, gateway } = configuration;
  const keys = configuration.signingKeys ?? await signingKeys();
  const markets = configuration.markets.map((each) => createMarket(each, { configuration, keys, change }));
  const tls = {
    cert: readFileSync(listen.certificate),
    key: readFileSync(listen.key),
    ca: readFileSync(gateway.ca),
    requestCert: true,
    // So that who is not the gateway reads why, instead of a broken handshake.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
  };
  const server = createServer(tls, (request, response) => answer(markets, request, response));
  // Longer than the gateway keeps an idle connection, or it would find some closed under its hands.
  server.keepAliveTimeout = 120_000;
  await new Promise((ready, failed) => server.once('error', failed).listen(listen.port, listen.host, ready));
  return server;
}

function answer(markets, request, response) {
  // Whoever may connect is believed about TPPs' certificates, hosts and addresses: nobody but the gateway.
  if (!request.socket.authorized) return refuse(response, 403, 'only the gateway may connect');
  const path = request.url.split('?', 1)[0];
  const market = markets.find((each) => path.startsWith(`${each.path}/`));
  if (market === undefined) return refuse(response, 404, 'no market is here');
  try {
    request.clientCertificate = certificateOf(request.headers['client-cert']);
  } catch (error) {
    if (error instanceof MalformedCertificate) return refuse(response, 400, error.message);
    throw error;
  }
  // oidc-provider makes its URLs of what is cut off here (as Express and Connect do it).
  request.originalUrl = request.url;
  request.url = request.url.slice(market.path.length);
  return Promise.resolve(market.handle(request, response)).catch((error) => {
    console.error(error);
    if (!response.headersSent) refuse(response, 500, 'something went wrong on our side');
  });
}

function refuse(response, status, description) {
  const body = JSON.stringify({ error: 'invalid_request', error_description: description });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, headers).end(body);
}

export function endsWith(server) {
  const end = () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  };
  process.once('SIGTERM', end).once('SIGINT', end);
  // A killed parent cannot say goodbye, but its pipe closes.
  process.stdin.once('end', end).once('error', end).resume();
}

// What the package remarks goes with the errors: standard output says when all is ready, and nothing else.
console.info = console.error;

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const server = await serve(readConfiguration(process.argv[2]));
  endsWith(server);
  console.log(`ready on port ${server.address().port}`);
}
