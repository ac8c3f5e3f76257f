// Who may sign in: a list of {login, name, sub, password}, the password as its scrypt hash of `dcrgw customers`.
// A bank asks its own login here.
import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;
const derive = promisify(scrypt);

export function createCustomers(entries) {
  return {
    bySub: (sub) => entries.find((each) => each.sub === sub),

    async signIn(login, password) {
      const entry = entries.find((each) => each.login === login.trim().toLowerCase());
      // An unknown name costs what a known one does.
      const isRight = await isPassword(password, (entry ?? entries[0]).password);
      return isRight ? entry : undefined;
    },
  };
}

async function isPassword(password, hash) {
  const [, ln, r, p, salt, expected] = FORM.exec(hash);
  const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p) };
  const options = { ...cost, maxmem: 256 * cost.N * cost.r };
  const found = await derive(password.normalize('NFC'), Buffer.from(salt, 'base64'), 32, options);
  return timingSafeEqual(found, Buffer.from(expected, 'base64'));
}
