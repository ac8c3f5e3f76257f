// The pages: made here whole, without a script, with one style sheet that the policy names by its hash.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { html, trusted } from './html.mjs';
import { TEXTS } from './texts.mjs';

const STYLE = readFileSync(new URL('style.css', import.meta.url), 'utf8');
const STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

export function createPages({ bankName, isDemo }) {
  // One page with its headers. `leadsTo` is where an answer to its form may send the browser.
  function made(name, { language = 'en', leadsTo, ...shown } = {}) {
    const texts = TEXTS[language];
    const say = (key, values = {}) => filled(key.split('.').reduce((found, each) => found[each], texts), values);
    const title = say(`${name}.title`, shown);
    const body = html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – ${bankName}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<header><p class="bank">${bankName}</p>${isDemo && html`<p class="demo">${texts.demo}</p>`}</header>
<main>
${PAGES[name]({ say, title, ...shown })}
</main>
</body>
</html>
`.toString();
    return { headers: headers(leadsTo), body };
  }

  function show(response, status, name, shown) {
    const page = made(name, shown);
    response.writeHead(status, { ...page.headers, 'content-length': Buffer.byteLength(page.body) }).end(page.body);
  }

  return { made, show };
}

function headers(leadsTo) {
  const targets = leadsTo === undefined ? "'self'" : `'self' ${exit(leadsTo)}`;
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy':
      `default-src 'none'; style-src ${STYLE_SOURCE}; form-action ${targets}; frame-ancestors 'none'; base-uri 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    // Not no-referrer: with that a browser sends `Origin: null` with our own forms.
    'referrer-policy': 'same-origin',
  };
}

// Browsers hold form-action against every redirect that follows, also those that the client's own site makes.
function exit(address) {
  const { protocol, host } = new URL(address);
  return protocol === 'http:' ? `http://${host}` : protocol;
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');

const notice = ({ say, title }, name) => html`<h1>${title}</h1>\n<p class="lead">${say(`${name}.lead`)}</p>`;

const PAGES = {
  sign_in: ({ say, title, here, tpp, login = '', isWrong = false }) => html`
${isWrong && html`<div class="problem" role="alert">
<h2>${say('problem')}</h2><p><a href="#login">${say('sign_in.wrong')}</a></p>
</div>`}
<h1>${title}</h1>
<p class="lead">${say('sign_in.lead', { tpp })}</p>
<form method="post" action="${here}/sign-in">
<p class="field"><label for="login">${say('sign_in.login')}</label>
<input id="login" name="login" type="text" value="${login}" autocomplete="username" autocapitalize="none"
 spellcheck="false" maxlength="200" required></p>
<p class="field"><label for="password">${say('sign_in.password')}</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 maxlength="1000" required></p>
<p class="actions"><button type="submit" class="primary">${say('sign_in.submit')}</button></p>
</form>
<p><a class="way" href="${here}/cancel">${say('sign_in.cancel', { tpp })}</a></p>`,

  cancel: ({ say, title, here, tpp }) => html`
<h1>${title}</h1>
<p class="lead">${say('cancel.lead', { tpp })}</p>
<form method="post" action="${here}/decision">
<p class="actions"><button type="submit" name="decision" value="deny" class="primary">${say('cancel.submit', { tpp })}</button></p>
</form>
<p><a class="way" href="${here}">${say('cancel.stay')}</a></p>`,

  consent: ({ say, title, here, tpp, customer, details, scopes }) => html`
<p class="who">${say('consent.signed_in', { customer })}</p>
<h1>${title}</h1>
${details.length > 0 && html`<section><h2>${say('consent.details')}</h2>
<ol class="details">
${details.map((each) => html`<li><p class="words" dir="auto">${each.text ?? each.detail.type}</p>${note(each, say, tpp)}</li>
`)}
</ol></section>`}
${scopes.length > 0 && html`<section><h2>${say('consent.scopes', { tpp })}</h2>
<ul class="scopes">${scopes.map((scope) => html`<li>${worded(say, scope)}</li>`)}</ul></section>`}
<form method="post" action="${here}/decision">
<p class="actions">
<button type="submit" name="decision" value="deny">${say('consent.deny')}</button>
<button type="submit" name="decision" value="approve">${say('consent.approve')}</button>
</p>
</form>
<p class="hint">${say('consent.after', { tpp })}</p>`,

  logout: ({ say, title, form }) => html`
<h1>${title}</h1>
${trusted(form)}
<p class="actions">
<button type="submit" form="op.logoutForm">${say('logout.stay')}</button>
<button type="submit" form="op.logoutForm" name="logout" value="yes">${say('logout.submit')}</button>
</p>`,

  signed_out: (shown) => notice(shown, 'signed_out'),
  gone: (shown) => notice(shown, 'gone'),
  unavailable: (shown) => notice(shown, 'unavailable'),
  refused: (shown) => html`${notice(shown, 'refused')}\n<p class="hint" lang="en">${shown.problem}</p>`,
};

// The TPP's own words, marked as such.
function note({ client_note: words }, say, tpp) {
  return words && html`<figure class="note">
<figcaption>${say('consent.note', { tpp })}</figcaption><blockquote dir="auto">${words.slice(0, 280)}</blockquote>
</figure>`;
}

function worded(say, scope) {
  return say(Object.hasOwn(TEXTS.en.scope, scope) ? `scope.${scope}` : 'scope.other', { scope });
}
