/** A file's pages: the cache holds one reference each, holes are holes, the last user frees all. */
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE } from '../../src/base/page.js';
import { Inode } from '../../src/file/inode.js';
import { ShmemFile } from '../../src/file/memfd.js';
import { Frames, type MappingSite, NO_FRAME, type UnmapScope } from '../../src/phys/frames.js';
import { SwapSpace } from '../../src/phys/swap.js';
import { O_RDONLY, O_RDWR } from '../../src/uapi/fcntl.js';

function inodeOf(pages: number, framesTotal = 16): Inode {
  const frames = new Frames(framesTotal);
  return new Inode('ram', frames, new SwapSpace(frames), pages * PAGE_SIZE, 1);
}

class Listening implements MappingSite {
  readonly heard: [first: number, end: number, scope: UnmapScope][] = [];

  unmap(first: number, end: number, scope: UnmapScope): void {
    this.heard.push([first, end, scope]);
  }

  clean(): void {}
}

describe('the size', () => {
  test('in pages counts a part of a page as one', () => {
    const inode = inodeOf(0);
    const pages = [0, 1, 4095, 4096, 4097].map((bytes) => {
      inode.sizeBytes = bytes;
      return inode.sizePages;
    });
    expect(pages).toEqual([0, 1, 1, 1, 2]);
  });
});

describe('the page cache', () => {
  test('has nothing at first; a page that is added reads as zeros and belongs to the file', () => {
    const inode = inodeOf(4);
    expect([inode.lookup(2), inode.holds(2), inode.isUptodate(2)]).toEqual([0, false, false]);
    const pfn = inode.addZeroed(2);
    expect([inode.lookup(2), inode.holds(2), inode.isUptodate(2)]).toEqual([pfn, true, true]);
    expect([inode.frames.owner(pfn), inode.frames.ownerIndex(pfn)]).toEqual([inode, 2]);
    expect(new Set(inode.frames.pageBytes(pfn))).toEqual(new Set([0]));
  });

  test('holds exactly one reference to each page', () => {
    const inode = inodeOf(4);
    const pfn = inode.addZeroed(0);
    expect(inode.frames.refs(pfn)).toBe(1);
    inode.remove(0);
    expect([inode.frames.inUse, inode.lookup(0)]).toEqual([0, NO_FRAME]);
    inode.remove(0);
    expect(inode.frames.inUse).toBe(0);
  });

  test('answers NO_FRAME and stays as it was when memory is full', () => {
    const inode = inodeOf(4, 1);
    inode.addZeroed(0);
    expect(inode.addZeroed(1)).toBe(NO_FRAME);
    expect(inode.entries()).toHaveLength(1);
  });

  test('lists its pages in order of index', () => {
    const inode = inodeOf(4);
    const made = [3, 0].map((index) => [index, inode.addZeroed(index)]);
    expect(inode.entries()).toEqual(made.reverse());
  });
});

describe('evict', () => {
  test('tells every place that maps the file before the cache loses the pages', () => {
    const inode = inodeOf(4);
    const site = new Listening();
    inode.sites.add(site);
    for (let i = 0; i < 4; i++) inode.addZeroed(i);
    inode.evict(1, 3, 'not-cows');
    expect(site.heard).toEqual([[1, 3, 'not-cows']]);
    expect([...inode.entries()].map(([index]) => index)).toEqual([0, 3]);
    expect(inode.frames.inUse).toBe(2);
  });

  test('without an end drops everything from an index on', () => {
    const inode = inodeOf(4);
    for (let i = 0; i < 4; i++) inode.addZeroed(i);
    inode.evict(2, Number.POSITIVE_INFINITY, 'even-cows');
    expect([...inode.entries()].map(([index]) => index)).toEqual([0, 1]);
  });
});

describe('users', () => {
  test('keep the content; the last one frees it', () => {
    const inode = inodeOf(2);
    inode.addZeroed(0);
    inode.get();
    inode.put();
    expect(inode.frames.inUse).toBe(1);
    inode.put();
    expect(inode.frames.inUse).toBe(0);
  });

  test('of an open file are descriptors and mappings; closing the last frees the content', () => {
    const inode = inodeOf(2);
    const file = new ShmemFile(inode, O_RDWR);
    inode.addZeroed(1);
    file.get();
    file.put();
    expect(inode.frames.inUse).toBe(1);
    file.put();
    expect(inode.frames.inUse).toBe(0);
    expect(() => file.put()).toThrow('released twice');
    expect(() => file.get()).toThrow('referenced again');
  });
});

test('an open file is writable unless it was opened read-only', () => {
  const inode = inodeOf(1);
  expect(new ShmemFile(inode, O_RDWR).writable).toBe(true);
  expect(new ShmemFile(inode, O_RDONLY).writable).toBe(false);
  expect(new ShmemFile(inode, O_RDWR).link).toBe('/memfd:ram (deleted)');
});
