// The keys that sign ID tokens, made at start where the configuration names none. Without `alg`: RSA serves PS256 then.
import { generateKeyPair, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

export async function signingKeys() {
  const made = await Promise.all([generate('rsa', { modulusLength: 2048 }), generate('ec', { namedCurve: 'P-256' })]);
  const keys = made.map(({ privateKey }) => privateKey.export({ format: 'jwk' }));
  return { keys: keys.map((key) => ({ ...key, kid: randomUUID(), use: 'sig' })) };
}
