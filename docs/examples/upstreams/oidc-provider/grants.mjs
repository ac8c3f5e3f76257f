// What rich authorization requests (RFC 9396) become here. The gateway has judged every detail before it came this far,
// and releases no token whose details exceed what was asked.
import { isDeepStrictEqual } from 'node:util';
import { errors } from 'oidc-provider';

export function richAuthorizationRequests(types) {
  return {
    enabled: true,
    types: Object.fromEntries(types.map((type) => [type, { validate() {} }])),
    authorizationDetailsForGrantSource: (ctx) => ctx.oidc.grant.rar,
    authorizationDetailsForAccessToken(ctx, token, source) {
      return narrowed(ctx.oidc.params.authorization_details, source?.rar ?? []);
    },
    authorizationDetailsForIntrospection: (ctx, token) => token.rar,
  };
}

// At the token endpoint a client may ask for some of what was granted (RFC 9396 §6).
function narrowed(text, granted) {
  if (text === undefined) return granted;
  let wanted;
  try {
    wanted = JSON.parse(text);
  } catch (cause) {
    throw new errors.InvalidAuthorizationDetails('authorization_details is no JSON', { cause });
  }
  const isGranted = (each) => granted.some((one) => isDeepStrictEqual(one, each));
  if (!Array.isArray(wanted) || !wanted.every(isGranted)) {
    throw new errors.InvalidAuthorizationDetails('authorization_details asks for more than was granted');
  }
  return wanted;
}
