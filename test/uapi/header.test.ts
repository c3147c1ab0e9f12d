/**
 * Our numbers against the kernel headers of this machine, as the C compiler sees them. Headers
 * older than the table lack its newer rows: those are counted and reported, not failed.
 */
import { describe, expect, test } from 'vitest';
import { uffd_msg } from '../../src/uapi/msg.js';
import { askHeaders, GUARDS, layoutOf, MESSAGES, whyNoHeaders } from './header.js';
import { hexOf } from './hex.js';
import { CONSTANTS, TABLE } from './table.js';

const reason = whyNoHeaders();
const title = reason === undefined ? 'kernel headers' : `kernel headers (skipped: ${reason})`;

describe.skipIf(reason !== undefined)(title, () => {
  const facts = reason === undefined ? askHeaders() : undefined;

  test('give each constant that they have the same value', () => {
    const theirs = facts?.constants ?? new Map<string, number>();
    const ours = new Map([...theirs.keys()].map((name) => [name, CONSTANTS.get(name)]));
    expect(ours).toEqual(theirs);
    expect(theirs.size).toBeGreaterThan(100);
    const missing = TABLE.filter(({ name }) => !theirs.has(name)).map(({ name }) => name);
    console.log(
      `${theirs.size} of ${TABLE.length} constants compared; not in these headers: ` +
        (missing.join(' ') || 'none'),
    );
  });

  test('lay each struct that they have out in the same way', () => {
    const theirs = facts?.layout ?? new Map<string, number>();
    const all = new Map(GUARDS.flatMap(([codec]) => layoutOf(codec)));
    const ours = new Map([...theirs.keys()].map((expression) => [expression, all.get(expression)]));
    expect(ours).toEqual(theirs);
    expect(theirs.get('sizeof(struct uffdio_copy)')).toBe(40);
    console.log(`${theirs.size} of ${all.size} sizes and offsets compared`);
  });

  test('give each message the same 32 bytes', () => {
    const ours = MESSAGES.map(([msg]) => [msg.event, hexOf(uffd_msg.encode(msg))] as const);
    expect(new Map(ours)).toEqual(facts?.messages);
  });
});
