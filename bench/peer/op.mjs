// The peer: npm oidc-provider as a registration endpoint over mutual TLS, clients in memory.
// usage: node op.mjs PORT CERTIFICATE KEY CLIENT_CA
import fs from 'node:fs';
import https from 'node:https';
import Provider from 'oidc-provider';

const [port, certificate, key, clientCa] = process.argv.slice(2);

// Its own memory adapter forgets all but the last 1000 clients; a plain Map keeps them and is faster.
const kept = new Map();
class MapAdapter {
  constructor(model) { this.model = model; }
  name(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) { kept.set(this.name(id), payload); }
  async find(id) { return kept.get(this.name(id)); }
  async destroy(id) { kept.delete(this.name(id)); }
  async consume(id) { kept.get(this.name(id)).consumed = Math.floor(Date.now() / 1000); }
  async findByUid() {}
  async findByUserCode() {}
  async revokeByGrantId() {}
}

const provider = new Provider(`https://localhost:${port}`, {
  adapter: MapAdapter,
  cookies: { keys: ['bench'] },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
  },
  scopes: ['openid', 'offline_access'],
});

const server = https.createServer(
  {
    key: fs.readFileSync(key),
    cert: fs.readFileSync(certificate),
    ca: fs.readFileSync(clientCa),
    requestCert: true,
    rejectUnauthorized: true,
    // As the gateway: TLS 1.3 alone.
    minVersion: 'TLSv1.3',
  },
  provider.callback(),
);
server.keepAliveTimeout = 75_000;
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
