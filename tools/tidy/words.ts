/**
 * Words that no file of the project carries: what is not finished, what silences a checker, and
 * what is true of one machine only. Each is spelled in two pieces here, so that this file has none.
 */

/** Words that stand alone: a base64 hash may well contain three of one letter. */
const words = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'];

const fragments = [
  '@ts-' + 'ignore',
  '@ts-' + 'nocheck',
  'biome-' + 'ignore lint', // a table may keep its columns: that is `ignore format`
  'biome-' + 'ignore-all',
  'eslint-' + 'disable',
  'registry.' + 'npmjs',
  '/wo' + 'rk/',
  '/ro' + 'ot/',
  '/Us' + 'ers/',
];

const quote = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

const banned = new RegExp(`\\b(?:${words.join('|')})\\b|${fragments.map(quote).join('|')}`);

export function bannedWords(path: string, text: string): string[] {
  if (text.includes('\0')) return []; // not a text
  return text.split('\n').flatMap((line, index) => {
    const word = banned.exec(line)?.[0];
    return word ? [`${path}:${index + 1}: ${word}`] : [];
  });
}
