/** The translation cache: what a tag allows, and that a flush forgets. */
import { describe, expect, test } from 'vitest';
import type { Pfn } from '../../src/base/brand.js';
import { PAGE_SIZE } from '../../src/base/page.js';
import {
  type Pte,
  pteMake,
  pteMakeDirty,
  pteMakeProtNone,
  pteMakeWritable,
} from '../../src/pgtable/pte.js';
import { Tlb, tlbIndex } from '../../src/pgtable/tlb.js';

const memory = { bytes: new Uint8Array(0), words: new Int32Array(0) };
const PAGE = 0x7fff_1234_5000;
const PFN = 77 as Pfn;

const filled = (pte: Pte): Tlb => {
  const tlb = new Tlb(memory);
  tlb.fill(PAGE, pte);
  return tlb;
};

describe('fill', () => {
  test('allows writes only where a store needs nothing from the kernel', () => {
    const clean = pteMake(PFN);
    const cached = (pte: Pte) => filled(pte).cached(PAGE);
    expect(cached(clean)).toEqual({ pfn: PFN, read: true, write: false });
    expect(cached(pteMakeWritable(clean)).write).toBe(false);
    expect(cached(pteMakeDirty(clean)).write).toBe(false);
    expect(cached(pteMakeDirty(pteMakeWritable(clean))).write).toBe(true);
  });

  test('of a PROT_NONE entry allows nothing', () => {
    const { read, write } = filled(pteMakeProtNone(pteMake(PFN))).cached(PAGE);
    expect(read || write).toBe(false);
  });

  test('replaces what was known of the page', () => {
    const tlb = filled(pteMakeDirty(pteMakeWritable(pteMake(PFN))));
    tlb.fill(PAGE, pteMake(78 as Pfn));
    expect(tlb.cached(PAGE)).toEqual({ pfn: 78, read: true, write: false });
  });

  test('evicts the page that shares the place: 16 MiB further', () => {
    const tlb = filled(pteMake(PFN));
    const other = PAGE + 4096 * PAGE_SIZE;
    expect(tlbIndex(other | 0)).toBe(tlbIndex(PAGE | 0));
    tlb.fill(other, pteMake(78 as Pfn));
    expect(tlb.cached(PAGE).read).toBe(false);
    expect(tlb.cached(other).read).toBe(true);
  });

  test('keeps apart pages whose addresses agree in the low 32 bits', () => {
    const tlb = filled(pteMake(PFN));
    expect(tlb.cached(PAGE % 2 ** 32).read).toBe(false);
    expect(tlb.cached(PAGE - 2 ** 40).read).toBe(false);
  });

  test('lists the pages that are remembered', () => {
    const tlb = filled(pteMakeDirty(pteMakeWritable(pteMake(PFN))));
    tlb.fill(0, pteMake(3 as Pfn));
    expect(new Set(tlb.pages())).toEqual(new Set([0, PAGE]));
  });
});

describe('flush', () => {
  test('of a page forgets reads and writes of that page alone', () => {
    const tlb = filled(pteMakeDirty(pteMakeWritable(pteMake(PFN))));
    tlb.fill(PAGE + PAGE_SIZE, pteMake(78 as Pfn));
    tlb.flushPage(PAGE);
    expect([...tlb.pages()]).toEqual([PAGE + PAGE_SIZE]);
  });

  test('of everything leaves nothing, not even the page at address 0', () => {
    const tlb = filled(pteMake(PFN));
    tlb.fill(0, pteMake(PFN));
    tlb.flushAll();
    expect([...tlb.pages()]).toEqual([]);
    expect(tlb.cached(0)).toMatchObject({ read: false, write: false });
  });

  test.each([1, 512, 513, 10_000])('of a range of %i pages forgets all of them', (count) => {
    const tlb = new Tlb(memory);
    const last = PAGE + (count - 1) * PAGE_SIZE;
    tlb.fill(PAGE, pteMake(PFN));
    tlb.fill(last, pteMake(PFN));
    tlb.flushRange(PAGE, last + PAGE_SIZE);
    expect([...tlb.pages()]).toEqual([]);
  });

  test('of a short range leaves its neighbours', () => {
    const tlb = new Tlb(memory);
    for (const n of [0, 1, 2, 3]) tlb.fill(PAGE + n * PAGE_SIZE, pteMake(PFN));
    tlb.flushRange(PAGE + PAGE_SIZE, PAGE + 3 * PAGE_SIZE);
    expect([...tlb.pages()].sort()).toEqual([PAGE, PAGE + 3 * PAGE_SIZE]);
  });
});
