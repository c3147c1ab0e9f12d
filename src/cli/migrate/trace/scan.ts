/**
 * The first pass over a trace: which pages it touches, how many accesses there are, and the SHA-256
 * of the file, by which two machines know that they read the same one. Memory grows with the pages,
 * not with the accesses. Makes no mapping and looks at no order: what follows knows only the pages.
 */
import { createHash } from 'node:crypto';
import { InputError } from '../../exit.js';
import { layoutOf, type MemoryLayout, PAGE_BYTES } from '../guest/layout.js';
import { type AccessBatch, OP_LOAD, OP_STORE } from './access.js';
import { TraceReader, type TraceSource } from './reader.js';

/** vm.mmap_min_addr of a usual system: nothing can be mapped below. */
const LOWEST_ADDRESS = 65_536;
/** The end of user space: the last page below 2^47 is not for mappings. */
const END_OF_USER_SPACE = 2 ** 47 - PAGE_BYTES;
/** 1 GiB: more would not be a demonstration, and both machines hold it. */
export const PAGES_MAX = 2 ** 18;

/** Entries of the cache in front of the set of pages; a power of two. */
const RECENT_PAGES = 1024;

/** What one pass over a trace tells. */
export interface TraceSummary {
  readonly accesses: number;
  readonly loads: number;
  readonly stores: number;
  readonly modifies: number;
  readonly fetches: number;
  readonly foreignLines: number;
  /** SHA-256 of the file as it is on disk, in hexadecimal digits. */
  readonly sha256: string;
  readonly layout: MemoryLayout;
}

/** Reads the whole trace once; throws an InputError when it cannot be played. */
export async function scanTrace(source: TraceSource): Promise<TraceSummary> {
  const hash = createHash('sha256');
  const onBytes = (bytes: Uint8Array) => {
    hash.update(bytes);
    source.onBytes?.(bytes);
  };
  const reader = await TraceReader.open({ ...source, onBytes });
  const pages = new PageSet();
  const byOp = [0, 0, 0];
  try {
    for (let batch = await reader.next(); batch; batch = await reader.next()) {
      pages.addAll(batch);
      for (let index = 0; index < batch.length; index++) byOp[batch.ops[index]!]!++;
    }
  } catch (error) {
    throw error instanceof BadAddress ? new InputError(`${source.path}: ${error.message}`) : error;
  } finally {
    await reader.close();
  }
  const { accesses, fetches, foreignLines } = reader.counts;
  const [loads, stores] = [byOp[OP_LOAD]!, byOp[OP_STORE]!];
  const modifies = accesses - loads - stores;
  const sha256 = hash.digest('hex');
  const layout = layoutOf(pages.sorted());
  return { accesses, loads, stores, modifies, fetches, foreignLines, sha256, layout };
}

class BadAddress extends Error {}

/** The numbers of the pages that were touched; a small cache in front keeps repeats cheap. */
class PageSet {
  readonly #pages = new Set<number>();
  readonly #recent = new Float64Array(RECENT_PAGES).fill(-1);

  addAll({ addresses, sizes, length }: AccessBatch): void {
    for (let index = 0; index < length; index++) {
      const address = addresses[index]!;
      const first = Math.floor(address / PAGE_BYTES);
      const last = Math.floor((address + sizes[index]! - 1) / PAGE_BYTES);
      if (this.#recent[first & (RECENT_PAGES - 1)] !== first) this.#add(first);
      if (last !== first) this.#add(last);
    }
  }

  #add(page: number): void {
    const address = page * PAGE_BYTES;
    if (address < LOWEST_ADDRESS || address >= END_OF_USER_SPACE) throw outOfReach(address);
    this.#pages.add(page);
    this.#recent[page & (RECENT_PAGES - 1)] = page;
    if (this.#pages.size > PAGES_MAX) {
      throw new BadAddress(`touches more than ${PAGES_MAX} pages; record a smaller program`);
    }
  }

  sorted(): Float64Array {
    return Float64Array.from(this.#pages).sort();
  }
}

function outOfReach(address: number): BadAddress {
  const range = `0x${LOWEST_ADDRESS.toString(16)} to 0x${END_OF_USER_SPACE.toString(16)}`;
  const hint = 'record a 64-bit Linux program';
  return new BadAddress(`touches 0x${address.toString(16)}, but mappings lie in ${range}; ${hint}`);
}
