// authorization_details in the bank's words: the gateway tells them to a server whose certificate it knows.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

export class DetailsUnavailable extends Error {}

const PATIENCE_MS = 5_000;
const LONGEST = 1_000_000;

export function createDetails({ ca, certificate, key }, baseUrl) {
  const tls = { ca: readFileSync(ca), cert: readFileSync(certificate), key: readFileSync(key) };
  const agent = new Agent({ keepAlive: true, ...tls });

  // The verdict of docs/openapi-details.json. Throws DetailsUnavailable where there is none.
  return async function judged(details, clientId, languages) {
    const form = new URLSearchParams({ authorization_details: details, for_client: clientId, ui_locales: languages });
    let told;
    try {
      told = await post(`${baseUrl}/authorization-details`, form.toString(), agent);
      if (told.status === 200) return JSON.parse(told.text);
    } catch (cause) {
      throw new DetailsUnavailable('the gateway did not say what the details are', { cause });
    }
    throw new DetailsUnavailable(`the gateway answered ${told.status}: ${told.text.slice(0, 500)}`);
  };
}

function post(url, body, agent) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) };
  const options = { method: 'POST', agent, headers, signal: AbortSignal.timeout(PATIENCE_MS) };
  return new Promise((done, failed) => {
    const asking = request(url, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('error', failed);
      answer.on('data', (part) => {
        text += part;
        if (text.length > LONGEST) asking.destroy(new Error('too long an answer'));
      });
      answer.on('end', () => done({ status: answer.statusCode, text }));
    });
    asking.on('error', failed).end(body);
  });
}
