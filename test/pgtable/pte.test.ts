/**
 * The words of page table entries: what is put in comes out, each field alone, and the words that
 * must never exist cannot be built.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pfn, SwapSlot } from '../../src/base/brand.js';
import type { MarkerBits, Pte } from '../../src/pgtable/pte.js';
import * as pte from '../../src/pgtable/pte.js';

const pfns = fc.integer({ min: 1, max: 2 ** 22 - 1 }).map((n) => n as Pfn);
const slots = fc.integer({ min: 1, max: 2 ** 22 - 1 }).map((n) => n as SwapSlot);
const markerSets = fc.integer({ min: 1, max: 7 }).map((n) => n as MarkerBits);

/** Changes of a present entry, each with the question that tells of it. */
const BITS = [
  ['writable', pte.pteMakeWritable, pte.pteClearWritable, pte.pteIsWritable],
  ['dirty', pte.pteMakeDirty, pte.pteClearDirty, pte.pteIsDirty],
  ['accessed', pte.pteMakeAccessed, pte.pteClearAccessed, pte.pteIsAccessed],
  ['soft-dirty', pte.pteMakeSoftDirty, pte.pteClearSoftDirty, pte.pteIsSoftDirty],
] as const;

const changes = fc.array(
  fc.constantFrom(...BITS.flatMap(([, make, clear]) => [make, clear]), pte.pteMakeUffdWp),
);
const presentWords = fc
  .tuple(pfns, changes)
  .map(([pfn, list]) => list.reduce((word, change) => change(word), pte.pteMake(pfn)));

describe('none', () => {
  test('is the word zero and nothing else', () => {
    expect(pte.PTE_NONE).toBe(0);
    expect(pte.pteIsNone(0 as Pte)).toBe(true);
    fc.assert(fc.property(presentWords, (word) => !pte.pteIsNone(word)));
    fc.assert(fc.property(markerSets, (bits) => !pte.pteIsNone(pte.pteMakeMarker(bits))));
    fc.assert(fc.property(slots, (slot) => !pte.pteIsNone(pte.pteMakeSwap(slot))));
  });

  test('answers no to every question', () => {
    const { PTE_NONE } = pte;
    const questions = [
      pte.pteIsPresent,
      pte.pteIsReadable,
      pte.pteIsWritable,
      pte.pteIsDirty,
      pte.pteIsAccessed,
      pte.pteIsSoftDirty,
      pte.pteIsSpecial,
      pte.pteIsUffdWp,
      pte.pteIsProtNone,
      pte.pteIsSwap,
      pte.pteIsMarker,
      pte.pteIsWpInAnyForm,
    ];
    expect(questions.map((ask) => ask(PTE_NONE))).toEqual(questions.map(() => false));
    expect(pte.pteMarkerBits(PTE_NONE)).toBe(pte.MARKER_NONE);
  });
});

describe('a present entry', () => {
  test('keeps its frame number, up to 22 bits, through every change', () => {
    fc.assert(
      fc.property(pfns, changes, (pfn, list) => {
        const word = list.reduce((now, change) => change(now), pte.pteMake(pfn));
        expect(pte.ptePfn(word)).toBe(pfn);
        expect(pte.pteIsPresent(word)).toBe(true);
        expect(pte.pteIsMarker(word) || pte.pteIsSwap(word)).toBe(false);
      }),
    );
  });

  test('is readable, accessed, clean and read-only when it is made', () => {
    const word = pte.pteMake(5 as Pfn);
    expect(pte.pteIsReadable(word) && pte.pteIsAccessed(word)).toBe(true);
    expect(pte.pteIsDirty(word) || pte.pteIsWritable(word) || pte.pteIsSpecial(word)).toBe(false);
  });

  test.each(BITS)('%s is set and cleared alone', (_name, make, clear, is) => {
    fc.assert(
      fc.property(presentWords, (word) => {
        expect(is(make(word))).toBe(true);
        expect(is(clear(word))).toBe(false);
        const others = BITS.map(([, , , ask]) => ask).filter((ask) => ask !== is);
        for (const ask of others) expect(ask(make(word))).toBe(ask(word));
        expect(clear(make(word))).toBe(clear(word));
      }),
    );
  });

  test('loses write permission to uffd-wp and does not get it back when the bit goes', () => {
    const word = pte.pteMakeWritable(pte.pteMake(9 as Pfn));
    const marked = pte.pteMakeUffdWp(word);
    expect(pte.pteIsUffdWp(marked)).toBe(true);
    expect(pte.pteIsWritable(marked)).toBe(false);
    expect(pte.pteIsUffdWp(pte.pteClearUffdWp(marked))).toBe(false);
    expect(pte.pteIsWritable(pte.pteClearUffdWp(marked))).toBe(false);
  });

  test('stays present as PROT_NONE, with its protection, and reads as before afterwards', () => {
    fc.assert(
      fc.property(presentWords, (word) => {
        const none = pte.pteMakeProtNone(word);
        expect(pte.pteIsPresent(none) && pte.pteIsProtNone(none)).toBe(true);
        expect(pte.pteAllows(none, false) || pte.pteAllows(none, true)).toBe(false);
        expect(pte.pteIsUffdWp(none)).toBe(pte.pteIsUffdWp(word));
        expect(pte.pteClearProtNone(none)).toBe(pte.pteClearWritable(word));
      }),
    );
  });

  test('of the zero page is special; no other entry is', () => {
    expect(pte.pteIsSpecial(pte.pteMakeSpecial(1 as Pfn))).toBe(true);
    expect(pte.pteIsSpecial(pte.pteMakeProtNone(pte.pteMakeSpecial(1 as Pfn)))).toBe(true);
    fc.assert(fc.property(presentWords, (word) => !pte.pteIsSpecial(word)));
    fc.assert(fc.property(markerSets, (bits) => !pte.pteIsSpecial(pte.pteMakeMarker(bits))));
  });
});

describe('a marker', () => {
  test('gives its set of bits back and is neither present nor swap', () => {
    fc.assert(
      fc.property(markerSets, (bits) => {
        const word = pte.pteMakeMarker(bits);
        expect(pte.pteMarkerBits(word)).toBe(bits);
        expect(pte.pteIsMarker(word)).toBe(true);
        expect(pte.pteIsPresent(word) || pte.pteIsSwap(word)).toBe(false);
      }),
    );
  });

  test('of an empty set is none: an empty marker cannot be built', () => {
    expect(pte.pteMakeMarker(pte.MARKER_NONE)).toBe(pte.PTE_NONE);
    fc.assert(
      fc.property(markerSets, (bits) => {
        expect(pte.pteMakeMarker(pte.markerWithout(bits, bits))).toBe(pte.PTE_NONE);
      }),
    );
  });

  test('is a set: with, without and has work bit by bit', () => {
    const all = [pte.MARKER_UFFD_WP, pte.MARKER_POISONED, pte.MARKER_GUARD];
    fc.assert(
      fc.property(markerSets, fc.constantFrom(...all), (bits, one) => {
        expect(pte.markerHas(pte.markerWith(bits, one), one)).toBe(true);
        expect(pte.markerHas(pte.markerWithout(bits, one), one)).toBe(false);
        for (const other of all.filter((bit) => bit !== one)) {
          const had = pte.markerHas(bits, other);
          expect(pte.markerHas(pte.markerWith(bits, one), other)).toBe(had);
          expect(pte.markerHas(pte.markerWithout(bits, one), other)).toBe(had);
        }
      }),
    );
  });

  test('is write-protected in two forms: the UFFD_WP bit of the set, or the side bit', () => {
    const guard = pte.pteMakeMarker(pte.MARKER_GUARD);
    expect(pte.pteIsWpInAnyForm(pte.pteMakeMarker(pte.MARKER_UFFD_WP))).toBe(true);
    expect(pte.pteIsWpInAnyForm(guard)).toBe(false);
    const sided = pte.pteMakeSwpUffdWp(guard);
    expect(pte.pteIsWpInAnyForm(sided)).toBe(true);
    expect(pte.pteMarkerBits(sided)).toBe(pte.MARKER_GUARD);
    expect(pte.pteClearUffdWp(sided)).toBe(guard);
  });

  test('allows no access', () => {
    fc.assert(
      fc.property(markerSets, fc.boolean(), (bits, write) => {
        expect(pte.pteAllows(pte.pteMakeMarker(bits), write)).toBe(false);
      }),
    );
  });
});

describe('a swap entry', () => {
  test('keeps its slot beside the exclusive, soft-dirty and uffd-wp bits', () => {
    fc.assert(
      fc.property(slots, fc.boolean(), fc.boolean(), fc.boolean(), (slot, x, soft, wp) => {
        let word = pte.pteMakeSwap(slot);
        if (x) word = pte.pteMakeSwpExclusive(word);
        if (soft) word = pte.pteMakeSoftDirty(word);
        if (wp) word = pte.pteMakeSwpUffdWp(word);
        expect(pte.pteSwapSlot(word)).toBe(slot);
        expect(pte.pteIsSwap(word)).toBe(true);
        expect(pte.pteIsPresent(word) || pte.pteIsMarker(word)).toBe(false);
        expect([
          pte.pteIsSwpExclusive(word),
          pte.pteIsSoftDirty(word),
          pte.pteIsUffdWp(word),
        ]).toEqual([x, soft, wp]);
        expect(pte.pteIsSwpExclusive(pte.pteClearSwpExclusive(word))).toBe(false);
      }),
    );
  });

  test('allows no access, whatever its bits', () => {
    const word = pte.pteMakeSwpUffdWp(pte.pteMakeSwpExclusive(pte.pteMakeSwap(3 as SwapSlot)));
    expect(pte.pteAllows(word, false) || pte.pteAllows(word, true)).toBe(false);
  });
});

test('an entry is exactly one of none, present, swap and marker', () => {
  const words = fc.oneof(
    fc.constant(pte.PTE_NONE),
    presentWords,
    presentWords.map(pte.pteMakeProtNone),
    markerSets.map(pte.pteMakeMarker),
    slots.map(pte.pteMakeSwap),
    slots.map((slot) => pte.pteMakeSwpUffdWp(pte.pteMakeSwap(slot))),
  );
  fc.assert(
    fc.property(words, (word) => {
      const kinds = [pte.pteIsNone, pte.pteIsPresent, pte.pteIsSwap, pte.pteIsMarker];
      expect(kinds.filter((is) => is(word))).toHaveLength(1);
    }),
  );
});
