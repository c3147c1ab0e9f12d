/** Physical memory: who holds a frame, what a freed one looks like, what growth keeps. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pfn } from '../../src/base/brand.js';
import { PAGE_SIZE } from '../../src/base/page.js';
import {
  FRAME_ANON,
  FRAME_EXCLUSIVE,
  FRAME_LARGE,
  FRAME_LAZYFREE,
  type FrameOwner,
  Frames,
  headOf,
  NO_FRAME,
  POISON_BYTE,
  ZERO_PFN,
} from '../../src/phys/frames.js';

const owner = (): FrameOwner => ({ kind: 'anon', sites: new Set() });

const bytesOf = (frames: Frames, pfn: Pfn): Set<number> => new Set(frames.pageBytes(pfn));

describe('allocation', () => {
  test('never hands out frame 0 or the zero page, and no frame twice', () => {
    const frames = new Frames(1000);
    const taken = Array.from({ length: 1000 }, () => frames.alloc());
    expect(taken).not.toContain(NO_FRAME);
    expect(taken).not.toContain(ZERO_PFN);
    expect(new Set(taken).size).toBe(1000);
  });

  test('ends at the total with NO_FRAME and changes nothing', () => {
    const frames = new Frames(3);
    for (let i = 0; i < 3; i++) frames.alloc();
    expect([frames.alloc(), frames.allocZeroed()]).toEqual([NO_FRAME, NO_FRAME]);
    expect([frames.available, frames.inUse]).toEqual([0, 3]);
  });

  test('of a zeroed frame gives zeros, fresh and reused', () => {
    const frames = new Frames(1);
    const first = frames.allocZeroed();
    expect(bytesOf(frames, first)).toEqual(new Set([0]));
    frames.put(first);
    expect(bytesOf(frames, frames.allocZeroed())).toEqual(new Set([0]));
  });

  test('counts page tables that live elsewhere as memory', () => {
    const frames = new Frames(2);
    expect(frames.charge()).toBe(true);
    expect(frames.available).toBe(1);
    frames.alloc();
    expect(frames.charge()).toBe(false);
    expect(frames.alloc()).toBe(NO_FRAME);
    frames.uncharge();
    expect(frames.available).toBe(1);
    expect(() => frames.uncharge()).toThrow('more page tables');
  });
});

describe('references', () => {
  test('start at one; the last one frees the frame', () => {
    const frames = new Frames(4);
    const pfn = frames.alloc();
    frames.get(pfn);
    expect(frames.refs(pfn)).toBe(2);
    frames.put(pfn);
    expect(frames.inUse).toBe(1);
    frames.put(pfn);
    expect([frames.refs(pfn), frames.inUse, frames.available]).toEqual([0, 0, 4]);
  });

  test('of a freed frame cannot be dropped again', () => {
    const frames = new Frames(4);
    const pfn = frames.alloc();
    frames.put(pfn);
    expect(() => frames.put(pfn)).toThrow('no reference to drop');
    expect(() => frames.put(ZERO_PFN)).toThrow('no reference to drop');
  });

  test('are held by mappings too', () => {
    const frames = new Frames(4);
    const pfn = frames.alloc();
    frames.addMap(pfn);
    frames.addMap(pfn);
    expect([frames.maps(pfn), frames.refs(pfn)]).toEqual([2, 3]);
    frames.put(pfn);
    frames.removeMap(pfn);
    expect([frames.maps(pfn), frames.refs(pfn), frames.inUse]).toEqual([1, 1, 1]);
    frames.removeMap(pfn);
    expect(frames.inUse).toBe(0);
    expect(() => frames.removeMap(pfn)).toThrow('not mapped');
  });

  test('of a mapped frame cannot run out', () => {
    const frames = new Frames(4);
    const pfn = frames.alloc();
    frames.addMap(pfn);
    frames.put(pfn);
    expect(() => frames.put(pfn)).toThrow('freed while mapped');
  });
});

describe('a freed frame', () => {
  test('is full of 0x6b and so is what alloc gives of it', () => {
    expect(POISON_BYTE).toBe(0x6b);
    const frames = new Frames(1);
    const pfn = frames.alloc();
    frames.pageBytes(pfn).fill(1);
    frames.put(pfn);
    expect(bytesOf(frames, pfn)).toEqual(new Set([0x6b]));
    expect(bytesOf(frames, frames.alloc())).toEqual(new Set([0x6b]));
  });

  test('has lost its flags and its owner', () => {
    const frames = new Frames(1);
    const pfn = frames.alloc();
    frames.setFlag(pfn, FRAME_ANON | FRAME_EXCLUSIVE);
    frames.setOwner(pfn, owner(), 5);
    frames.put(pfn);
    frames.alloc();
    expect(frames.has(pfn, FRAME_ANON | FRAME_EXCLUSIVE)).toBe(false);
    expect(frames.owner(pfn)).toBeUndefined();
  });

  test('is not among the allocated ones', () => {
    const frames = new Frames(3);
    const [a, b, c] = [frames.alloc(), frames.alloc(), frames.alloc()];
    frames.put(b);
    expect([...frames.allocated()]).toEqual([a, c]);
  });
});

describe('flags', () => {
  test('are set and cleared one by one', () => {
    const frames = new Frames(1);
    const pfn = frames.alloc();
    frames.setFlag(pfn, FRAME_ANON);
    frames.setFlag(pfn, FRAME_LAZYFREE);
    frames.clearFlag(pfn, FRAME_ANON);
    expect(frames.has(pfn, FRAME_ANON)).toBe(false);
    expect(frames.has(pfn, FRAME_LAZYFREE)).toBe(true);
  });
});

describe('growth', () => {
  test('keeps content, counts, flags and owners of every frame', () => {
    const frames = new Frames(5000);
    const mine = owner();
    const taken = Array.from({ length: 5000 }, (_, i) => {
      const pfn = frames.alloc();
      frames.pageBytes(pfn).fill(i % 251);
      frames.addMap(pfn);
      frames.setFlag(pfn, FRAME_ANON);
      frames.setOwner(pfn, mine, i);
      return pfn;
    });
    expect(frames.bytes.length).toBeGreaterThanOrEqual(5000 * PAGE_SIZE);
    taken.forEach((pfn, i) => {
      expect(frames.bytes[pfn * PAGE_SIZE]).toBe(i % 251);
      expect(frames.bytes[(pfn + 1) * PAGE_SIZE - 1]).toBe(i % 251);
      expect([frames.refs(pfn), frames.maps(pfn), frames.ownerIndex(pfn)]).toEqual([2, 1, i]);
      expect(frames.has(pfn, FRAME_ANON) && frames.owner(pfn) === mine).toBe(true);
    });
  });

  test('tells whoever keeps views, and both views show the same bytes', () => {
    const frames = new Frames(2000);
    const told: boolean[] = [];
    frames.onGrow = () => told.push(frames.words.buffer === frames.bytes.buffer);
    for (let i = 0; i < 2000; i++) frames.alloc();
    expect(told.length).toBeGreaterThan(0);
    expect(new Set(told)).toEqual(new Set([true]));
  });

  test('never goes beyond the total, the zero page and the frame that is none', () => {
    const frames = new Frames(300);
    for (let i = 0; i < 301; i++) frames.alloc();
    expect(frames.bytes.length).toBe(302 * PAGE_SIZE);
  });
});

test('a copy takes the whole page and leaves its neighbours', () => {
  const frames = new Frames(3);
  const [a, b, c] = [frames.alloc(), frames.alloc(), frames.alloc()];
  [a, b, c].forEach((pfn, i) => {
    frames.pageBytes(pfn).fill(i + 1);
  });
  frames.copy(a, b);
  expect([a, b, c].map((pfn) => [...bytesOf(frames, pfn)])).toEqual([[1], [1], [3]]);
});

describe('allocHuge', () => {
  const free = (frames: Frames, head: Pfn) => {
    for (let i = 0; i < 512; i++) frames.put((head + i) as Pfn);
  };

  test('gives 512 frames of zeros in a row, the first a multiple of 512', () => {
    const frames = new Frames(2000);
    const small = frames.alloc();
    const head = frames.allocHuge();
    expect(headOf(head)).toBe(head);
    expect(head).not.toBe(headOf(small));
    expect([frames.inUse, frames.available]).toEqual([513, 1487]);
    for (let i = 0; i < 512; i++) {
      expect(frames.refs((head + i) as Pfn)).toBe(1);
      expect(frames.has((head + i) as Pfn, FRAME_LARGE)).toBe(true);
      expect(frames.pageBytes((head + i) as Pfn).every((byte) => byte === 0)).toBe(true);
    }
  });

  test('takes a run again that was given back, and hands its frames out singly too', () => {
    const frames = new Frames(1022); // room for one run
    const head = frames.allocHuge();
    expect(frames.allocHuge()).toBe(NO_FRAME);
    free(frames, head);
    expect(frames.allocHuge()).toBe(head);
    free(frames, head);
    const taken = Array.from({ length: 1022 }, () => frames.alloc());
    expect(taken).not.toContain(NO_FRAME);
    expect(taken.some((pfn) => frames.has(pfn, FRAME_LARGE))).toBe(false);
    expect(frames.alloc()).toBe(NO_FRAME);
  });

  test('finds none while one frame of the run is in use', () => {
    const frames = new Frames(1022);
    const head = frames.allocHuge();
    for (let i = 1; i < 512; i++) frames.put((head + i) as Pfn);
    expect(frames.allocHuge()).toBe(NO_FRAME);
  });
});

test('any order of allocating and dropping ends with all memory free', () => {
  const steps = fc.array(
    fc.tuple(fc.constantFrom('alloc', 'get', 'put', 'map', 'unmap'), fc.nat()),
  );
  fc.assert(
    fc.property(steps, (list) => {
      const frames = new Frames(8);
      const held: [Pfn, 'ref' | 'map'][] = [];
      for (const [what, n] of list) step(frames, held, what, n);
      expect(new Set(held.map(([pfn]) => pfn)).size).toBe(frames.inUse);
      for (const [pfn, kind] of held) kind === 'map' ? frames.removeMap(pfn) : frames.put(pfn);
      expect([frames.inUse, frames.available]).toEqual([0, 8]);
    }),
  );
});

function step(frames: Frames, held: [Pfn, 'ref' | 'map'][], what: string, n: number): void {
  const one = held[n % Math.max(held.length, 1)];
  if (what === 'alloc') {
    const pfn = frames.alloc();
    if (pfn !== NO_FRAME) held.push([pfn, 'ref']);
  } else if (one !== undefined && (what === 'get' || what === 'map')) {
    what === 'map' ? frames.addMap(one[0]) : frames.get(one[0]);
    held.push([one[0], what === 'map' ? 'map' : 'ref']);
  } else if (one !== undefined) {
    held.splice(held.indexOf(one), 1);
    one[1] === 'map' ? frames.removeMap(one[0]) : frames.put(one[0]);
  }
}
