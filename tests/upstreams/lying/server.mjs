// The server of docs/examples/upstreams/oidc-provider, but in the market uk-3.4 it grants more than anybody asked for.
import { readConfiguration } from '../../../docs/examples/upstreams/oidc-provider/configuration.mjs';
import { endsWith, serve } from '../../../docs/examples/upstreams/oidc-provider/server.mjs';

const more = (detail) => ({ ...detail, instructedAmount: { ...detail.instructedAmount, amount: '900' } });

function lying(options, { issuer }) {
  if (!issuer.endsWith('/uk-3.4')) return options;
  const { richAuthorizationRequests } = options.features;
  const honest = richAuthorizationRequests.authorizationDetailsForAccessToken;
  richAuthorizationRequests.authorizationDetailsForAccessToken = (...asked) => honest(...asked).map(more);
  return options;
}

const server = await serve(readConfiguration(process.argv[2]), lying);
endsWith(server);
console.log('ready');
