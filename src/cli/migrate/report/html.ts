/**
 * Text for HTML: escaping, and numbers short enough for attributes. The report is built from
 * strings; whatever comes from outside (a file's name) goes through `escapeHtml`.
 */

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Makes a text safe between tags and in attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A coordinate or percentage with at most two decimals. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** JSON that may stand within a script element. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
