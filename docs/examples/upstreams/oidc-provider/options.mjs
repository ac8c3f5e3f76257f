// How oidc-provider is set up for one market. What each option is for: docs/README.md of that package.
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { interactionPolicy } from 'oidc-provider';
import { mutualTls } from './certificates.mjs';
import { richAuthorizationRequests } from './grants.mjs';
import { createMemory } from './memory.mjs';
import { languageOf } from './texts.mjs';

const ASYMMETRIC = ['PS256', 'ES256'];
const CLIENT_ID = /^[\w.~-]{1,128}$/;

export function optionsOf(market, { configuration, path, keys, customers, pages }) {
  return {
    adapter: createMemory(),
    jwks: keys,
    scopes: market.scopes,
    claims: { openid: ['sub'], profile: ['name'] },
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: (ctx, sub, client) => pairwise(sub, client, configuration.pairwiseSalt),
    responseTypes: ['code', 'code id_token'],
    clientDefaults: { id_token_signed_response_alg: 'PS256', authorization_signed_response_alg: 'PS256' },
    clientAuthMethods: [
      'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth',
      'client_secret_basic', 'client_secret_post', 'client_secret_jwt',
    ],
    enabledJWA: {
      clientAuthSigningAlgValues: [...ASYMMETRIC, 'HS256'],
      idTokenSigningAlgValues: ASYMMETRIC,
      requestObjectSigningAlgValues: ASYMMETRIC,
      authorizationSigningAlgValues: ASYMMETRIC,
      userinfoSigningAlgValues: ASYMMETRIC,
    },
    // What the directory signed about a TPP is shown to customers.
    extraClientMetadata: { properties: ['software_id', 'software_statement', 'org_id'] },
    features: features(market, pages),
    clients: [gatewayClient(market.gatewayClient)],
    pkce: { required: () => true },
    ...grantRules(),
    ...lifetimes(),
    fetch: (url, asked) => fetched(url, asked, configuration.innerKeyHosts),
    findAccount: (ctx, sub) => account(customers.bySub(sub)),
    // All markets may stand at one host: each has cookies of its own.
    cookies: {
      keys: [randomBytes(32).toString('hex')],
      long: { path: `${path}/`, httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    interactions: { policy: everyRequestSignedIn(), url: (ctx, { uid }) => `${market.issuer}/interaction/${uid}` },
    renderError: (ctx, out) => shown(ctx, pages, 'refused', { problem: out.error_description ?? out.error }),
  };
}

function features(market, pages) {
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    dPoP: { enabled: false },
    // The ID token beside a code is the answer's signature: with s_hash (FAPI 1.0 Advanced §5.2.2.1).
    fapi: { enabled: true, profile: ({ oidc }) => oidc.params?.response_type?.includes('id_token') && '1.0 Final' },
    // A client learns of its own tokens; the gateway of all, since they open its registrations too.
    introspection: {
      enabled: true,
      allowedPolicy: (ctx, { clientId }, token) => [token.clientId, market.gatewayClient.id].includes(clientId),
    },
    jwtResponseModes: { enabled: true },
    mTLS: mutualTls,
    pushedAuthorizationRequests: { enabled: true },
    registration: {
      enabled: true,
      initialAccessToken: market.registrationToken,
      // The gateway chose the name before it asked: asked again it gets the same client, not a second one.
      idFactory: (ctx) => chosenId(ctx.get('x-dcrgw-client-id')),
      // Nor a second secret, since its TPP may hold the first.
      secretFactory: ({ oidc }) => oidc.body?.client_secret ?? randomBytes(24).toString('base64url'),
    },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
    requestObjects: { enabled: true },
    // Details are of an API; without them a token is for whatever the scope says, and for the userinfo endpoint.
    resourceIndicators: {
      enabled: true,
      defaultResource: ({ oidc }, client, oneOf) => oneOf ?? (oidc.params?.authorization_details && market.baseUrl),
      getResourceServerInfo: () => ({ scope: market.scopes.join(' '), accessTokenFormat: 'opaque' }),
    },
    revocation: { enabled: true },
    richAuthorizationRequests: richAuthorizationRequests(market.detailTypes),
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        shown(ctx, pages, 'logout', { form, leadsTo: ctx.oidc.params.post_logout_redirect_uri });
      },
      postLogoutSuccessSource: (ctx) => shown(ctx, pages, 'signed_out'),
    },
  };
}

function shown(ctx, pages, name, told) {
  const { headers, body } = pages.made(name, { language: languageOf(ctx.get('accept-language')), ...told });
  ctx.set(headers);
  ctx.body = body;
}

function chosenId(name) {
  if (name === '') return randomUUID();
  if (!CLIENT_ID.test(name)) throw new Error('the gateway chose a client_id that is none');
  return name;
}

function gatewayClient({ id, secret }) {
  return {
    client_id: id, client_secret: secret, token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [], response_types: [], redirect_uris: [],
  };
}

// Clients' key sets. The package goes to public addresses alone, which is right for all but a directory in the house.
function fetched(url, asked, innerHosts) {
  const { dispatcher, ...plain } = asked;
  return fetch(url, innerHosts.includes(new URL(url).host) ? plain : asked);
}

// A name of the customer for all clients of one sector (OpenID Connect Core 1.0 §8.1).
function pairwise(sub, { sectorIdentifier }, salt) {
  return createHmac('sha256', salt).update(JSON.stringify([sectorIdentifier, sub])).digest('base64url');
}

// Each consent is a grant of its own: nothing that was allowed before answers a new request.
function grantRules() {
  return {
    async loadExistingGrant({ oidc }) {
      const grantId = oidc.result?.consent?.grantId;
      return grantId && oidc.provider.Grant.find(grantId);
    },
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
  };
}

function lifetimes() {
  const ninetyDays = 90 * 86_400;
  return {
    ttl: {
      AccessToken: 300, ClientCredentials: 300, AuthorizationCode: 60, IdToken: 300, PushedAuthorizationRequest: 90,
      Interaction: 600, Session: 3600, Grant: ninetyDays, RefreshToken: ninetyDays,
    },
  };
}

function everyRequestSignedIn() {
  const policy = interactionPolicy.base();
  const { Check } = interactionPolicy;
  const fresh = new Check('each_request', 'each request is signed in to', (ctx) => !ctx.oidc.result?.login);
  policy.get('login').checks.add(fresh);
  return policy;
}

function account(customer) {
  if (customer === undefined) return undefined;
  return { accountId: customer.sub, claims: () => ({ sub: customer.sub, name: customer.name }) };
}
