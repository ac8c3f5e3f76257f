// One market: an oidc-provider whose issuer is the gateway's public URL, and the pages on which its customers decide.
import { Provider } from 'oidc-provider';
import { createCustomers } from './customers.mjs';
import { createDetails } from './details.mjs';
import { createInteractions } from './interactions.mjs';
import { optionsOf } from './options.mjs';
import { createPages } from './pages.mjs';

// What the gateway calls its endpoints for clients.
const ENDPOINTS = ['token', 'par', 'introspect', 'revoke'];

export function createMarket(market, { configuration, keys, change }) {
  const { pathname } = new URL(market.issuer);
  const path = pathname === '/' ? '' : pathname;
  const pages = createPages(configuration);
  const customers = createCustomers(configuration.customers);
  const options = optionsOf(market, { configuration, path, keys, customers, pages });
  const provider = new Provider(market.issuer, change(options, market));
  // The gateway says for which host a request was, and by which scheme.
  provider.proxy = true;
  acceptAudiences(provider, ENDPOINTS.map((name) => `${market.baseUrl}/${name}`));
  const details = createDetails(configuration.details, market.baseUrl);
  const interactions = createInteractions(provider, { customers, details, pages, issuer: market.issuer });
  const provided = provider.callback();
  return {
    path,
    handle: (request, response) => (interactions.owns(request) ? interactions.handle : provided)(request, response),
  };
}

// Clients know the gateway's endpoints, and make assertions out for those (RFC 7523 §3).
function acceptAudiences(provider, more) {
  const { prototype } = provider.OIDCContext;
  const own = prototype.clientJwtAuthExpectedAudience;
  prototype.clientJwtAuthExpectedAudience = function expected() {
    return new Set([...own.call(this), ...more]);
  };
}
