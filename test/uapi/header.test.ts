/**
 * Our numbers against the kernel headers of this machine, as the C compiler sees them. Headers
 * older than the table lack its newer rows: those are counted and reported, not failed.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { uffd_msg } from '../../src/uapi/msg.js';
import {
  askHeaders,
  GUARDS,
  type HeaderFacts,
  layoutOf,
  MESSAGES,
  whyNoHeaders,
} from './header.js';
import { hexOf } from './hex.js';
import { CONSTANTS, TABLE } from './table.js';

const reason = whyNoHeaders();
if (reason !== undefined) console.log(`not compared with kernel headers: ${reason}`);

/** Names that no header defines, or whose header comes with the C library instead. */
const NOT_FROM_KERNEL_HEADERS = /^(PM_(?!SCAN_)|SYS_userfaultfd_|F_SEAL_)/;

/** 6.1 and 2.6.25 as LINUX_VERSION_CODE. */
function versionCode(release: string): number {
  const [major = 0, minor = 0, patch = 0] = release.split('.').map(Number);
  return (major << 16) | (minor << 8) | patch;
}

describe.skipIf(reason !== undefined)('kernel headers', () => {
  let facts: HeaderFacts;

  beforeAll(() => {
    facts = askHeaders();
  });

  test('give each constant that they have the same value', () => {
    const ours = [...facts.constants.keys()].map((name) => [name, CONSTANTS.get(name)] as const);
    expect(new Map(ours)).toEqual(facts.constants);
    expect(facts.constants.size).toBeGreaterThan(100);
    console.log(`${facts.constants.size} of ${TABLE.length} constants compared with the headers`);
  });

  test('have each constant that is as old as they are', () => {
    const missing = TABLE.filter(
      ({ name, since }) =>
        versionCode(since) <= facts.versionCode &&
        !NOT_FROM_KERNEL_HEADERS.test(name) &&
        !facts.constants.has(name),
    );
    expect(missing).toEqual([]);
  });

  test('lay each struct that they have out in the same way', () => {
    const all = new Map(GUARDS.flatMap(([codec]) => layoutOf(codec)));
    const ours = [...facts.layout.keys()].map((key) => [key, all.get(key)] as const);
    expect(new Map(ours)).toEqual(facts.layout);
    expect(facts.layout.get('sizeof(struct uffdio_copy)')).toBe(40);
    console.log(`${facts.layout.size} of ${all.size} sizes and offsets compared with the headers`);
  });

  test('give each message the same 32 bytes', () => {
    const ours = MESSAGES.map(([msg]) => [msg.event, hexOf(uffd_msg.encode(msg))] as const);
    expect(new Map(ours)).toEqual(facts.messages);
  });
});
