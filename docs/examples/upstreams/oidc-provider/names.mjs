// Distinguished names: the subject of a certificate as Node tells it, and RFC 4514 text as a client registered it.

// What Node, RFC 4514 and TPPs call one and the same attribute.
const ATTRIBUTES = new Map(Object.entries({
  CN: '2.5.4.3', serialNumber: '2.5.4.5', C: '2.5.4.6', L: '2.5.4.7', ST: '2.5.4.8', street: '2.5.4.9', O: '2.5.4.10',
  OU: '2.5.4.11', businessCategory: '2.5.4.15', postalCode: '2.5.4.17', organizationIdentifier: '2.5.4.97',
  UID: '0.9.2342.19200300.100.1.1', DC: '0.9.2342.19200300.100.1.25', emailAddress: '1.2.840.113549.1.9.1',
  jurisdictionC: '1.3.6.1.4.1.311.60.2.1.3', jurisdictionCountryName: '1.3.6.1.4.1.311.60.2.1.3',
}).map(([name, oid]) => [name.toLowerCase(), oid]));

export function isSameName(subject, expected) {
  const shown = parts(subject, '\n').join('\n');
  const wanted = parts(expected, ',');
  // RFC 4514 writes the last part first; TPPs do both.
  return shown !== '' && (wanted.toReversed().join('\n') === shown || wanted.join('\n') === shown);
}

function parts(text, separator) {
  return split(text, separator).map((each) => split(each, '+').map(attribute).sort().join('+'));
}

function attribute(text) {
  const equals = text.indexOf('=');
  const name = text.slice(0, equals).trim();
  return `${ATTRIBUTES.get(name.toLowerCase()) ?? name}=${value(text.slice(equals + 1).trim())}`;
}

// RFC 4514 §2.4: `#` and BER in hexadecimal, or text with escapes; compared as RFC 4518 has it, in the main.
function value(text) {
  const encoded = /^#..([0-7][0-9a-f])((?:[0-9a-f]{2})*)$/i.exec(text);
  const plain = encoded ? Buffer.from(encoded[2], 'hex').toString() : unescaped(text);
  return JSON.stringify(plain.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase());
}

function unescaped(text) {
  const octets = [];
  for (const [, hex, character, other] of text.matchAll(/\\([0-9a-f]{2})|\\(.)|(.)/gisu)) {
    octets.push(hex === undefined ? Buffer.from(character ?? other) : Buffer.from(hex, 'hex'));
  }
  return Buffer.concat(octets).toString();
}

// At separators that no backslash stands before.
function split(text, separator) {
  const found = [''];
  for (const [character] of text.matchAll(/\\.|./gsu)) {
    if (character === separator) found.push('');
    else found[found.length - 1] += character;
  }
  return found;
}
