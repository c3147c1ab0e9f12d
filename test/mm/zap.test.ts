/**
 * What each kind of zap leaves of each state, by kind of memory: `-` when nothing is left. And that
 * what is dropped is free afterwards.
 */
import {
  PM_SCAN_WP_MATCHING,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';
import type { ZapKind } from '../../src/mm/zap.js';
import { ZAP_CONTENT, ZAP_HOLE, ZAP_TEARDOWN, zapRange } from '../../src/mm/zap.js';
import { M, type Memory, PAGE, pagesAt, W } from '../support/guest.js';
import { MatrixPage, type Setting } from './matrix-page.js';
import { pageState } from './page-state.js';

const wp = (kind: Memory): Setting => ({ kind, modes: W, features: UFFD_FEATURE_WP_UNPOPULATED });

type Row = [state: string, content: string, hole: string, teardown: string];

/** The state, then what is left by: the content goes, a hole in the file, the area goes. */
const TABLES: Readonly<Record<Memory, readonly Row[]>> = {
  anon: [
    ['N', '-', '-', '-'],
    ['rw', '-', '-', '-'],
    ['rw+wp', '-', '-', '-'],
    ['rd', '-', '-', '-'],
    ['rd+wp', '-', '-', '-'],
    ['paged-out', '-', '-', '-'],
    ['paged-out+wp', '-', '-', '-'],
    ['Kw', '-', '-', '-'],
    ['Kp', '-', 'Kp', '-'],
    ['Kg', 'Kg', 'Kg', '-'],
  ],
  shared: [
    ['N', '-', '-', '-'],
    ['rw', '-', '-', '-'],
    ['rw+wp', 'Kw', 'Kw', '-'],
    ['rd', '-', '-', '-'],
    ['rd+wp', 'Kw', 'Kw', '-'],
    ['Kw', 'Kw', 'Kw', '-'],
    ['Kp', '-', 'Kp', '-'],
    ['Kg', 'Kg', 'Kg', '-'],
  ],
  private: [
    ['N', '-', '-', '-'],
    ['rw', '-', 'PX', '-'],
    ['rw+wp', 'Kw', 'PWX', '-'],
    ['rd', '-', '-', '-'],
    ['rd+wp', 'Kw', 'Kw', '-'],
    ['paged-out', '-', 'S', '-'],
    ['paged-out+wp', 'Kw', 'Sw', '-'],
    ['Kw', 'Kw', 'Kw', '-'],
    ['Kp', '-', 'Kp', '-'],
    ['Kg', 'Kg', 'Kg', '-'],
  ],
};

function zapped(it: MatrixPage, kind: ZapKind): string {
  const { mm } = it.proc.state;
  const vma = mm.vmas.find(it.addr);
  if (vma === undefined) throw new Error('the page is not mapped');
  zapRange(mm, vma, it.addr, it.addr + PAGE, kind);
  return pageState(it.proc, it.addr);
}

describe.each(Object.entries(TABLES))('in %s memory', (memory, rows) => {
  test.each(rows)('%s becomes %s without its content, %s at a hole, %s with its area', (...row) => {
    const [state, ...left] = row;
    const kinds = [ZAP_CONTENT, ZAP_HOLE, ZAP_TEARDOWN];
    const got = kinds.map((kind) =>
      zapped(new MatrixPage(wp(memory as Memory)).enter(state), kind),
    );
    expect(got).toEqual(left);
  });
});

describe('protection', () => {
  test('that belongs to no registration any more leaves no marker', () => {
    const it = new MatrixPage({ kind: 'shared', modes: W, features: 0 }).enter('rw+wp');
    it.uffd.registerSync({ ...pagesAt(it.addr), mode: M });
    expect(pageState(it.proc, it.addr)).toBe('PFWX');
    expect(zapped(it, ZAP_CONTENT)).toBe('-');
  });

  test('on a poisoned page of a file outlives the poison; on anonymous memory it goes too', () => {
    const left = (['shared', 'private', 'anon'] as const).map((kind) => {
      const it = new MatrixPage({ kind, modes: W, features: UFFD_FEATURE_WP_ASYNC }).enter('Kp');
      it.proc.pagemapScan({ start: it.addr, end: it.addr + PAGE, flags: PM_SCAN_WP_MATCHING });
      return [zapped(it, ZAP_HOLE), zapped(it, ZAP_CONTENT)];
    });
    expect(left).toEqual([
      ['Kp', 'Kw'],
      ['Kp', 'Kw'],
      ['Kp', '-'],
    ]);
  });
});

describe('what a zap drops', () => {
  test.each(['rw', 'rw+wp', 'paged-out'])('of %s is free afterwards', (state) => {
    const it = new MatrixPage(wp('anon')).enter(state);
    const { frames, swap } = it.proc.state.mm.memory;
    zapped(it, ZAP_CONTENT);
    expect([frames.inUse, swap.areas[0]?.used]).toEqual([0, 0]);
  });

  test('of a file stays in the file; a private copy of it does not', () => {
    const shared = new MatrixPage(wp('shared')).enter('rw');
    zapped(shared, ZAP_CONTENT);
    expect(shared.proc.state.mm.memory.frames.inUse).toBe(1);
    expect(shared.main.load8Sync(shared.addr)).toBe(1);
    const copied = new MatrixPage(wp('private')).enter('rw');
    const before = copied.proc.state.mm.memory.frames.inUse;
    zapped(copied, ZAP_CONTENT);
    expect(copied.proc.state.mm.memory.frames.inUse).toBe(before - 1);
    expect(copied.main.load8Sync(copied.addr)).toBe(0);
  });

  test('is not found in the translation cache', () => {
    const it = new MatrixPage(wp('anon')).enter('rw');
    it.main.load8Sync(it.addr);
    zapped(it, ZAP_CONTENT);
    expect(it.proc.state.mm.tlb.cached(it.addr).read).toBe(false);
    expect(it.main.load8Sync(it.addr)).toBe(0);
  });
});
