// HTML by tagged templates: whatever is put in is escaped, unless it was made by such a template itself.

class Html {
  constructor(text) { this.text = text; }

  toString() { return this.text; }
}

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
// Controls, formats and separators: nobody's words may hide others or turn their direction. Line feeds and tabs stay.
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export function html(parts, ...values) {
  return new Html(String.raw({ raw: parts }, ...values.map(written)));
}

// Markup that oidc-provider made.
export const trusted = (text) => new Html(text);

export const plain = (text) => text.replace(HIDDEN, '');

function written(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(written).join('');
  if (value === undefined || value === null || value === false) return '';
  return plain(String(value)).replace(/[&<>"']/g, (each) => ESCAPES[each]);
}
