/**
 * Markers as sets of bits. A fourth bit that only this file knows goes through every operation:
 * nothing drops it that was not asked to, so a new bit needs a line in `pte.ts` and no other.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_GUARD_REMOVE,
  MADV_PAGEOUT,
  PM_SCAN_WP_MATCHING,
  UFFD_FEATURE_EVENT_FORK,
  UFFD_FEATURE_WP_ASYNC,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import { installMarker } from '../../src/mm/marker.js';
import {
  MARKER_GUARD,
  MARKER_NONE,
  MARKER_POISONED,
  MARKER_UFFD_WP,
  type MarkerBits,
  markerWith,
  markerWithout,
  PTE_NONE,
  pteClearMarker,
  pteIsMarker,
  pteMakeMarker,
  pteMakeSwap,
  pteMarkerBits,
} from '../../src/pgtable/pte.js';
import { filesUnder, root } from '../../tools/files.js';
import { type GuestOptions, M, pagesAt, span, W } from '../support/guest.js';
import { facts, type PageFacts } from './page-facts.js';

/** What somebody might add next. */
const FOURTH = 8 as MarkerBits;
const BITS = [MARKER_UFFD_WP, MARKER_POISONED, MARKER_GUARD, FOURTH];

/** Every set of the four bits. */
const SETS = Array.from({ length: 16 }, (_, set) => set as MarkerBits);

/** A guest whose page 0 carries a marker, and page 1 a page of its own. */
function marked(bits: MarkerBits, options: GuestOptions = {}): PageFacts {
  const it = facts({ modes: M | W, ...options });
  it.copy(1, 7);
  const { mm } = it.guest.proc.state;
  const addr = it.guest.at(0);
  installMarker(mm, mm.slotOrCreate(addr), addr, bits);
  return it;
}

const bitsAt = ({ guest }: PageFacts, n: number, proc = guest.proc): MarkerBits =>
  pteMarkerBits(proc.state.mm.pte(guest.at(n)));

describe('a set of marker bits', () => {
  test('is what its entry says, and the empty one is no entry', () => {
    for (const set of SETS) {
      const pte = pteMakeMarker(set);
      expect(pteMarkerBits(pte)).toBe(set);
      expect(pteIsMarker(pte)).toBe(set !== MARKER_NONE);
    }
    expect(pteMakeMarker(MARKER_NONE)).toBe(PTE_NONE);
  });

  test('loses exactly the bit that is cleared, whatever the others are', () => {
    for (const set of SETS) {
      for (const bit of BITS) {
        const cleared = pteClearMarker(pteMakeMarker(set), bit);
        expect(pteMarkerBits(cleared)).toBe(set & ~bit);
        expect(cleared === PTE_NONE).toBe((set & ~bit) === 0);
      }
    }
  });

  test('is asked of any entry: one that is no marker stays as it is', () => {
    const swap = pteMakeSwap(5 as Parameters<typeof pteMakeSwap>[0]);
    for (const bit of BITS) expect(pteClearMarker(swap, bit)).toBe(swap);
    expect(pteClearMarker(PTE_NONE, MARKER_GUARD)).toBe(PTE_NONE);
  });
});

describe('a fourth bit', () => {
  const both = (bit: MarkerBits): MarkerBits => markerWith(FOURTH, bit);

  /** What is left of the fourth bit together with each other one. */
  const leftBy = (change: (it: PageFacts) => void, options?: GuestOptions) =>
    SETS.filter((set) => (set & FOURTH) !== 0).map((set) => {
      const it = marked(set, options);
      change(it);
      return bitsAt(it, 0);
    });
  const without = (bit: MarkerBits) =>
    SETS.filter((set) => (set & FOURTH) !== 0).map((set) => markerWithout(set, bit));

  test('stays when protection is taken off: WP off, UNREGISTER, close', () => {
    const gone = without(MARKER_UFFD_WP);
    expect(leftBy((it) => it.unprotect(0))).toEqual(gone);
    expect(leftBy(({ guest: { uffd, at } }) => uffd.unregisterSync(pagesAt(at(0), 4)))).toEqual(
      gone,
    );
    expect(leftBy(({ guest: { uffd } }) => uffd.close())).toEqual(gone);
  });

  test('stays when guards are removed', () => {
    expect(leftBy((it) => it.advise(MADV_GUARD_REMOVE, 0))).toEqual(without(MARKER_GUARD));
  });

  test('stays through WP on, mprotect and PAGEOUT', () => {
    const all = without(MARKER_NONE);
    expect(leftBy((it) => it.protect(0))).toEqual(all);
    const mprotect = ({ guest: { main, at } }: PageFacts) => {
      for (const prot of [0, 1, 3]) main.mprotectSync({ ...span(at(0), 4), prot });
    };
    expect(leftBy(mprotect)).toEqual(all);
    expect(leftBy((it) => it.advise(MADV_PAGEOUT, 0, 4))).toEqual(all);
  });

  test('stays when the content goes, which takes poison and anonymous protection along', () => {
    const left = without(markerWith(MARKER_POISONED, MARKER_UFFD_WP));
    expect(leftBy((it) => it.advise(MADV_DONTNEED, 0))).toEqual(left);
    const file = { kind: 'shared' } as const;
    const poison = without(MARKER_POISONED);
    expect(leftBy((it) => it.advise(MADV_DONTNEED, 0), file)).toEqual(poison);
    expect(leftBy((it) => it.punch(0), file)).toEqual(without(MARKER_NONE));
  });

  test('alone is none of the business of MADV_FREE', () => {
    const it = marked(FOURTH);
    it.advise(MADV_FREE, 0);
    expect(bitsAt(it, 0)).toBe(FOURTH);
  });

  test('moves along with mremap', () => {
    for (const bit of BITS) {
      const it = marked(both(bit));
      it.move(0, 16);
      expect(bitsAt(it, 16)).toBe(markerWithout(both(bit), MARKER_UFFD_WP));
    }
  });

  test('goes to a child, registered or not', async () => {
    for (const bit of BITS) {
      const plain = marked(both(bit));
      const child = plain.guest.machine.process(plain.guest.main.forkSync());
      expect(bitsAt(plain, 0, child)).toBe(markerWithout(both(bit), MARKER_UFFD_WP));
      const it = marked(both(bit), { features: UFFD_FEATURE_EVENT_FORK });
      const fork = it.guest.t0.fork();
      it.messages();
      expect(bitsAt(it, 0, it.guest.machine.process(await fork))).toBe(both(bit));
    }
  });

  test('goes with its area', () => {
    const it = marked(FOURTH);
    it.guest.main.munmapSync(span(it.guest.at(0)));
    expect(bitsAt(it, 0)).toBe(MARKER_NONE);
  });

  test('is shown by pagemap and passed over by PAGEMAP_SCAN', () => {
    const it = marked(FOURTH, { features: UFFD_FEATURE_WP_ASYNC, modes: W });
    expect(it.word(0) & 0x3fffffn).toBe(31n | (8n << 5n));
    const { proc, at } = it.guest;
    proc.pagemapScan({ start: at(0), end: at(4), flags: PM_SCAN_WP_MATCHING });
    expect(bitsAt(it, 0)).toBe(FOURTH);
  });

  test('is SIGBUS to an access, as an error that nobody explains: never lost in silence', () => {
    for (const bit of [FOURTH, both(MARKER_UFFD_WP)]) {
      const it = marked(bit);
      expect(it.loads(0)).toMatchObject({ signal: 'SIGBUS', code: 'BUS_ADRERR' });
      expect(bitsAt(it, 0)).toBe(bit);
    }
    expect(marked(both(MARKER_GUARD)).loads(0)).toMatchObject({ signal: 'SIGSEGV' });
  });
});

describe('the source', () => {
  const using = (pattern: RegExp): string[] =>
    filesUnder('src').filter((path) => pattern.test(readFileSync(join(root, path), 'utf8')));

  test('builds markers in one file and stores them in one, those of huge pages apart', () => {
    const small = using(/pteMakeMarker\(/).filter((path) => !path.includes('huge'));
    expect(small).toEqual(['src/mm/marker.ts', 'src/pgtable/pte.ts']);
  });

  test('gives bits their numbers in one file', () => {
    expect(using(/as MarkerBits/)).toEqual(['src/pgtable/pte.ts']);
  });
});
