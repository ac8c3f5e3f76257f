// A customer signs in, reads in the bank's words what a TPP asks for, and decides.
import { DetailsUnavailable } from './details.mjs';
import { languageOf } from './texts.mjs';

const PATH = /^\/interaction\/([\w-]{1,64})(?:\/(sign-in|cancel|decision))?$/;
const LONGEST_FORM = 10_000;
const MOST_ATTEMPTS = 5;
const REMEMBERED_MS = 3_600_000;

export function createInteractions(provider, { customers, details, pages, issuer }) {
  const attempts = new Map();

  async function handle(request, response) {
    // Nobody reads a page of a request twice, or another's.
    const interaction = await provider.interactionDetails(request, response).catch(() => undefined);
    const [, uid, step] = PATH.exec(path(request));
    const language = languageOf(interaction?.params.ui_locales ?? request.headers['accept-language'] ?? '');
    if (interaction?.uid !== uid) return pages.show(response, 400, 'gone', { language });
    const visit = { request, response, interaction, language, here: `${issuer}/interaction/${uid}` };
    visit.client = await provider.Client.find(interaction.params.client_id);
    if (visit.client === undefined) return pages.show(response, 400, 'gone', { language });
    visit.tpp = nameOf(visit.client);
    try {
      if (request.method === 'GET') return await (step === 'cancel' ? cancel(visit) : current(visit));
      if (request.method !== 'POST' || !isOurs(request)) return pages.show(response, 403, 'gone', { language });
      visit.form = await formOf(request);
      return await (step === 'sign-in' ? signIn(visit) : decide(visit));
    } catch (error) {
      if (!(error instanceof DetailsUnavailable)) throw error;
      console.error(error.message);
      return pages.show(response, 503, 'unavailable', { language });
    }
  }

  const current = (visit) => (visit.interaction.prompt.name === 'login' ? page(visit, 200, 'sign_in') : consent(visit));

  const cancel = (visit) => page(visit, 200, 'cancel', { leadsTo: visit.interaction.params.redirect_uri });

  function page({ response, language, here, tpp }, status, name, shown = {}) {
    return pages.show(response, status, name, { language, here, tpp, ...shown });
  }

  async function signIn(visit) {
    const { interaction, form } = visit;
    if (interaction.prompt.name !== 'login') return current(visit);
    const count = attempt(interaction.uid);
    if (count > MOST_ATTEMPTS) return refuse(visit, 'too many attempts to sign in');
    const login = form.get('login') ?? '';
    const customer = await customers.signIn(login, form.get('password') ?? '');
    if (customer === undefined) return page(visit, 422, 'sign_in', { login, isWrong: true });
    return finish(visit, { login: { accountId: customer.sub } });
  }

  // How often somebody has tried by now.
  function attempt(uid) {
    if (!attempts.has(uid)) setTimeout(() => attempts.delete(uid), REMEMBERED_MS).unref();
    attempts.set(uid, (attempts.get(uid) ?? 0) + 1);
    return attempts.get(uid);
  }

  async function consent(visit) {
    const told = await verdict(visit);
    if (!told.valid) return refuse(visit, 'the details are not taken any more');
    const { params, session } = visit.interaction;
    return page(visit, 200, 'consent', {
      customer: customers.bySub(session.accountId)?.name,
      details: told.authorization_details,
      scopes: scopesOf(params),
      leadsTo: params.redirect_uri,
    });
  }

  async function decide(visit) {
    const { interaction, form } = visit;
    if (form.get('decision') !== 'approve') return refuse(visit, 'the customer said no');
    if (interaction.prompt.name !== 'consent') return current(visit);
    const { params, session } = interaction;
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    const scopes = scopesOf(params).join(' ');
    grant.addOIDCScope(scopes);
    for (const resource of [params.resource ?? []].flat()) grant.addResourceScope(resource, scopes);
    for (const detail of JSON.parse(params.authorization_details ?? '[]')) grant.addRar(detail);
    return finish(visit, { consent: { grantId: await grant.save() } });
  }

  // What the gateway says of the details, in the customer's language; of none there is nothing to say.
  function verdict({ interaction: { params }, language }) {
    if (params.authorization_details === undefined) return { valid: true, authorization_details: [] };
    return details(params.authorization_details, params.client_id, language);
  }

  const finish = ({ request, response }, result) => provider.interactionFinished(request, response, result);

  const refuse = (visit, description) => finish(visit, { error: 'access_denied', error_description: description });

  // Forms of our own pages alone (the cookie is SameSite=Lax besides).
  function isOurs({ headers }) {
    const site = headers['sec-fetch-site'];
    return headers.origin === new URL(issuer).origin && (site === undefined || site === 'same-origin');
  }

  return { owns: (request) => PATH.test(path(request)), handle };
}

const path = (request) => request.url.split('?', 1)[0];

const scopesOf = ({ scope }) => (scope ?? '').split(' ').filter(Boolean);

// The name that the directory signed; the gateway proved the statement before it sent it here.
function nameOf(client) {
  const [, payload] = client.software_statement?.split('.') ?? [];
  const statement = payload === undefined ? {} : JSON.parse(Buffer.from(payload, 'base64url').toString());
  return statement.org_name ?? statement.software_client_name ?? client.clientName ?? client.clientId;
}

async function formOf(request) {
  let text = '';
  for await (const part of request.setEncoding('utf8')) {
    text += part;
    if (text.length > LONGEST_FORM) throw new Error('too long a form');
  }
  return new URLSearchParams(text);
}
