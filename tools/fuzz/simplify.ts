/**
 * Simpler versions of a scenario: a window moved to the front, a key gone, a smaller number, a pair
 * of lines gone. Pure text; whether one still shows the difference is for
 * the shrinker.
 */

const KEY = / [a-z]+=\S+/g;
const LISTS = /(features|flags|mode|mask|anyof|ret|inv)=(\S*,\S*)/;

/** The text without what a match covers. */
const without = (line: string, { index, 0: text }: RegExpMatchArray): string =>
  line.slice(0, index) + line.slice((index ?? 0) + text.length);

function withoutKeys(line: string): string[] {
  return [...line.matchAll(KEY)].map((match) => without(line, match));
}

/** `features=A,B`: each of the two alone. */
function shorterLists(line: string): string[] {
  const [whole, key, list] = LISTS.exec(line) ?? [];
  if (whole === undefined || list === undefined) return [];
  const words = list.split(',');
  return words.map((word) =>
    line.replace(whole, `${key}=${words.filter((other) => other !== word).join(',')}`),
  );
}

/** `missing,wp` and the like, which stand alone. */
function fewerModes(line: string): string[] {
  const [whole = ''] = / (missing|wp|minor)(,(missing|wp|minor))+$/.exec(line) ?? [];
  const words = whole.trim().split(',');
  if (words.length < 2) return [];
  return words.map((word) =>
    line.replace(whole, ` ${words.filter((other) => other !== word).join(',')}`),
  );
}

/** Other threads than need be. */
function plainerWho(line: string): string[] {
  const plain = line.replace(/^T[1-3] /, 'T0 ').replace(/^(P\d)\.T[1-3] /, '$1.T0 ');
  return [plain, line.replace(/^T\d /, ''), line.replace(/^(P\d)\.T\d /, '$1 ')];
}

/** A count behind an address, one less or 1. */
function fewerPages(line: string): string[] {
  const [whole, head, count] = /^(.*? [A-Z]+(?:\+\d+)? )(\d+)\b/.exec(line) ?? [];
  if (whole === undefined || Number(count) < 2) return [];
  return [1, Number(count) - 1].map((less) => line.replace(whole, `${head}${less}`));
}

/** A count at the end, such as the new length of mremap. */
function fewerAtEnd(line: string): string[] {
  const [whole, count] = / (\d+)$/.exec(line) ?? [];
  if (whole === undefined || Number(count) < 2) return [];
  return [1, Number(count) - 1].map((less) => line.slice(0, -whole.length).concat(` ${less}`));
}

function firstPage(line: string): string[] {
  return [line.replace(/\b([A-P])\+\d+/, '$1'), line.replace(/\b(H[A-D])\+\d+/, '$1')];
}

const EDITS = [
  withoutKeys,
  shorterLists,
  fewerModes,
  fewerPages,
  fewerAtEnd,
  firstPage,
  plainerWho,
];

/** Versions of one line that are simpler. */
function simplerLine(line: string): string[] {
  return EDITS.flatMap((edit) => edit(line)).filter((other) => other !== line);
}

/** Every window's pages one further down, all lines at once. */
function shiftedDown(lines: readonly string[], slot: string): string[] | undefined {
  const place = new RegExp(`\\b${slot}(?:\\+(\\d+))?\\b(?!\\.T)`, 'g');
  const text = lines.join('\n');
  const indexes = [...text.matchAll(place)].map(([, index]) => Number(index ?? 0));
  if (indexes.length === 0 || indexes.includes(0)) return undefined;
  return text
    .replace(place, (_, index: string) => (index === '1' ? slot : `${slot}+${Number(index) - 1}`))
    .split('\n');
}

const SMALL_SLOTS = [...'ABCDEFGHIJKLMNOP'];
const SLOTS = [...SMALL_SLOTS, 'HA', 'HB', 'HC', 'HD'];

const mention = (slot: string): RegExp => new RegExp(`\\b${slot}(?=\\+\\d|[ .-]|$)`, 'gm');

/** Another window under the first free name. */
function renamed(lines: readonly string[], slot: string): string[] | undefined {
  const text = lines.join('\n');
  const free = SMALL_SLOTS.find((name) => text.search(mention(name)) < 0);
  if (free === undefined || free >= slot || text.search(mention(slot)) < 0) return undefined;
  return text.replace(mention(slot), free).split('\n');
}

/** Two lines that only make sense together, such as a fork and the child's only operation. */
function* pairsGone(lines: readonly string[]): Generator<string[]> {
  for (let first = 0; first < lines.length; first++) {
    for (let second = first + 1; second < lines.length; second++) {
      yield lines.filter((_, at) => at !== first && at !== second);
    }
  }
}

const PAIRS_LINES_MOST = 14;

/** Simpler versions of a scenario. */
export function* simplerLines(lines: readonly string[]): Generator<string[]> {
  for (const slot of SLOTS) {
    const shifted = shiftedDown(lines, slot);
    if (shifted !== undefined) yield shifted;
  }
  for (const slot of SMALL_SLOTS) {
    const other = renamed(lines, slot);
    if (other !== undefined) yield other;
  }
  for (const [at, line] of lines.entries()) {
    for (const simpler of simplerLine(line)) yield lines.with(at, simpler);
  }
  if (lines.length <= PAIRS_LINES_MOST) yield* pairsGone(lines);
}

/** What is left when numbers and names are taken away: divergences of one shape are one. */
export function shapeOf(lines: readonly string[]): string {
  return lines
    .map((line) =>
      line
        .replace(/^(P\d(\.\S+)?|T\d) /, '')
        .replace(/\b[A-P](\+\d+)?\b|\bH[A-D](\+\d+)?\b/g, '@')
        .replace(/\b(0x[0-9a-f]+|\d+)\b/g, '#')
        .replace(/ (off|val|fill|size|n)=\S+/g, ''),
    )
    .join('; ');
}
