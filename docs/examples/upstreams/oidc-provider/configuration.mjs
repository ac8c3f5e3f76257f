// The configuration: a JSON file. Names of files in it are relative to it; every secret stands in a file of its own.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export function readConfiguration(file) {
  if (file === undefined) throw new Error('usage: node server.mjs CONFIG.json');
  const read = JSON.parse(readFileSync(file, 'utf8'));
  const at = (name) => resolve(dirname(resolve(file)), name);
  const secret = (name) => readFileSync(at(name), 'utf8').trim();
  const places = (section, ...names) => {
    const found = names.map((name) => [name, at(section[name])]);
    return { ...section, ...Object.fromEntries(found) };
  };
  return {
    bankName: read.bank_name,
    isDemo: read.demo ?? false,
    listen: places({ host: '127.0.0.1', ...read.listen }, 'certificate', 'key'),
    gateway: places(read.gateway, 'ca'),
    details: places(read.details, 'ca', 'certificate', 'key'),
    customers: JSON.parse(secret(read.customers)),
    pairwiseSalt: secret(read.pairwise_salt),
    innerKeyHosts: read.inner_key_hosts ?? [],
    signingKeys: read.signing_keys === undefined ? undefined : JSON.parse(secret(read.signing_keys)),
    markets: read.markets.map((each) => ({
      issuer: each.issuer,
      baseUrl: each.base_url,
      registrationToken: secret(each.registration_token),
      gatewayClient: { id: each.gateway_client_id, secret: secret(each.gateway_client_secret) },
      scopes: each.scopes,
      detailTypes: each.detail_types,
    })),
  };
}
