// The TPP's certificate, as the gateway passes it on, and what a client registered of it (RFC 8705 §2.1.2).
import { X509Certificate } from 'node:crypto';
import { isSameName } from './names.mjs';

export class MalformedCertificate extends Error {}

// RFC 9440 §2.2: one structured-field byte sequence with the DER certificate.
const BYTE_SEQUENCE = /^:([A-Za-z0-9+/]+={0,2}):$/;

export function certificateOf(header) {
  if (header === undefined) return undefined;
  const found = BYTE_SEQUENCE.exec(header.trim());
  try {
    if (found !== null) return new X509Certificate(Buffer.from(found[1], 'base64'));
  } catch {
    // Told below.
  }
  throw new MalformedCertificate('the header Client-Cert holds no certificate');
}

// Path, dates and revocation were judged by the gateway. The name is compared here, where the client is registered.
export const mutualTls = {
  enabled: true,
  certificateBoundAccessTokens: true,
  tlsClientAuth: true,
  selfSignedTlsClientAuth: true,
  getCertificate: (ctx) => ctx.req.clientCertificate,
  certificateAuthorized: (ctx) => ctx.req.clientCertificate !== undefined,
  certificateSubjectMatches(ctx, property, expected) {
    const certificate = ctx.req.clientCertificate;
    switch (property) {
      case 'tls_client_auth_subject_dn': return isSameName(certificate.subject, expected);
      case 'tls_client_auth_san_dns': return alternatives(certificate).includes(`DNS:${expected}`);
      case 'tls_client_auth_san_uri': return alternatives(certificate).includes(`URI:${expected}`);
      default: return false;
    }
  },
};

// Node writes a name that holds a comma in quotes, so none can pretend to be two.
function alternatives(certificate) {
  return certificate.subjectAltName?.split(', ') ?? [];
}
