/** Holds docs/pitfalls.md to the programs: the same titles, and messages as they really are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { explore } from '../../src/index.js';
import { filesUnder, root } from '../../tools/files.js';
import { PITFALLS } from './all.js';

const text = readFileSync(join(root, 'docs/pitfalls.md'), 'utf8');
const sections = text
  .split(/^### /m)
  .slice(1)
  .map((body) => {
    const [, number, title] = /^(\d+)\. (.*)\n/.exec(body) ?? [];
    return { number: Number(number), title, body };
  });
const shown = sections.filter(({ body }) => body.includes('```text'));

it('names each program once, and links to it', () => {
  const titles = new Map(sections.map(({ number, title }) => [number, title]));
  expect(sections).toHaveLength(PITFALLS.length);
  expect([...titles.keys()].sort((a, b) => a - b).map((key) => titles.get(key))).toEqual(
    PITFALLS.map(({ title }) => title),
  );
  const programs = filesUnder('.').filter((path) => /^test\/pitfalls\/\d/.test(path));
  expect(programs).toHaveLength(PITFALLS.length);
  for (const { number, body } of sections) {
    const file = programs.find((path) => path.includes(`/${String(number).padStart(2, '0')}-`));
    expect(body).toContain(`[Program](../${file})`);
  }
});

it.each(shown)('shows the message of $number as it is', async ({ number, body }) => {
  const pitfall = PITFALLS[number - 1];
  const form = pitfall?.broken[0]?.body ?? (() => {});
  const found = await explore({ machine: pitfall?.machine ?? {} }, form).catch(
    (error: Error) => error,
  );
  const message = found instanceof Error ? found.message : 'nothing was found';
  const places = message.replace(/^( *at ).*(test\/pitfalls\/[^)\n]*)\)?$/gm, '$1$2');
  expect(body).toContain(`\`\`\`text\n${places}\n\`\`\``);
});

it('shows three of them', () => {
  expect(shown).toHaveLength(3);
});
