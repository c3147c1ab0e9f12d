/**
 * A thread's accesses to memory: loads, stores, runs of bytes, atomic updates.
 * A hit in the translation cache is handled here, without a call and without allocation: a cache of
 * 4096 entries, its mask written out (docs/decisions/005). Everything else becomes an operation.
 */

import { byteArray, type U64, unsigned } from '../base/args.js';
import { pageOffset, TASK_SIZE } from '../base/page.js';
import { attemptFault } from '../fault/access.js';
import { translate } from '../fault/fault.js';
import { isProgress, signalOf } from '../fault/outcome.js';
import { FaultTally } from '../fault/tally.js';
import {
  type AccessSize,
  load,
  readBytes,
  readModifyWrite,
  store,
  writeBytes,
} from './access-ops.js';
import { SignalError } from './errors.js';
import type { WaitOptions } from './runner.js';
import { ThreadCore } from './thread-core.js';

/** The number in 1, 2 or 4 bytes, low byte first. */
function numberOf(bytes: Uint8Array): number {
  let value = 0;
  for (let i = bytes.length - 1; i >= 0; i--) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

function bytesOf(value: number, size: AccessSize): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = value >>> (8 * i);
  return bytes;
}

const bigOf = (bytes: Uint8Array): bigint => new DataView(bytes.buffer).getBigUint64(0, true);

function bytesOfBig(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/**
 * The accesses of a thread. Each exists as a promise, which waits as long as a userfaultfd lets it
 * wait, and as a `…Sync` form, which throws {@link FaultPendingError} instead of waiting.
 *
 * Every access fails with a {@link SignalError}: SIGSEGV where nothing is mapped (`SEGV_MAPERR`) or
 * the mapping does not allow it (`SEGV_ACCERR`), SIGBUS beyond the end of a file (`BUS_ADRERR`) and
 * on poisoned pages (`BUS_MCEERR_AR`). Addresses need no alignment; an access across a page
 * boundary faults page by page and happens as a whole.
 */
export class MemoryThread extends ThreadCore {
  /** Loads a byte. @see {@link MemoryThread} for faults and errors. */
  load8(addr: U64, options?: WaitOptions): Promise<number> {
    return this.#load('load8', addr, 1, options);
  }

  /** Loads a byte without waiting. */
  load8Sync(addr: number): number {
    const low = addr | 0;
    const i = (low >>> 12) & 4095;
    if (this.readTags[i] === addr - (low & 4095)) {
      return this.bytes[this.frameWords[i]! * 4 + (low & 4095)]!;
    }
    return this.#loadSync('load8Sync', addr, 1);
  }

  /** Loads 16 bits, low byte first. */
  load16(addr: U64, options?: WaitOptions): Promise<number> {
    return this.#load('load16', addr, 2, options);
  }

  /** Loads 16 bits without waiting. */
  load16Sync(addr: number): number {
    const low = addr | 0;
    const i = (low >>> 12) & 4095;
    const offset = low & 4094; // an unaligned address misses
    if (this.readTags[i] === addr - offset) {
      const at = this.frameWords[i]! * 4 + offset;
      return this.bytes[at]! | (this.bytes[at + 1]! << 8);
    }
    return this.#loadSync('load16Sync', addr, 2);
  }

  /** Loads 32 bits, unsigned, low byte first. */
  load32(addr: U64, options?: WaitOptions): Promise<number> {
    return this.#load('load32', addr, 4, options);
  }

  /** Loads 32 bits without waiting. */
  load32Sync(addr: number): number {
    const low = addr | 0;
    const i = (low >>> 12) & 4095;
    const offset = low & 4092; // an unaligned address misses
    if (this.readTags[i] === addr - offset) {
      return this.words[this.frameWords[i]! + (offset >>> 2)]! >>> 0;
    }
    return this.#loadSync('load32Sync', addr, 4) >>> 0;
  }

  /** Loads 64 bits, unsigned, low byte first. */
  async load64(addr: U64, options?: WaitOptions): Promise<bigint> {
    return bigOf(await this.run('load64', load(this, address(addr), 8), options));
  }

  /** Loads 64 bits without waiting. */
  load64Sync(addr: U64): bigint {
    return bigOf(this.runSync('load64Sync', load(this, address(addr), 8)));
  }

  /** Stores a byte: the low 8 bits of `value`. */
  store8(addr: U64, value: number, options?: WaitOptions): Promise<void> {
    return this.#store('store8', addr, bytesOf(value, 1), options);
  }

  /** Stores a byte without waiting. */
  store8Sync(addr: number, value: number): void {
    const low = addr | 0;
    const i = (low >>> 12) & 4095;
    if (this.writeTags[i] === addr - (low & 4095)) {
      this.bytes[this.frameWords[i]! * 4 + (low & 4095)] = value;
    } else this.#storeSync('store8Sync', addr, value, 1);
  }

  /** Stores the low 16 bits of `value`, low byte first. */
  store16(addr: U64, value: number, options?: WaitOptions): Promise<void> {
    return this.#store('store16', addr, bytesOf(value, 2), options);
  }

  /** Stores 16 bits without waiting. */
  store16Sync(addr: number, value: number): void {
    const low = addr | 0;
    const i = (low >>> 12) & 4095;
    const offset = low & 4094; // an unaligned address misses
    if (this.writeTags[i] === addr - offset) {
      const at = this.frameWords[i]! * 4 + offset;
      this.bytes[at] = value;
      this.bytes[at + 1] = value >>> 8;
    } else this.#storeSync('store16Sync', addr, value, 2);
  }

  /** Stores the low 32 bits of `value`, low byte first. */
  store32(addr: U64, value: number, options?: WaitOptions): Promise<void> {
    return this.#store('store32', addr, bytesOf(value, 4), options);
  }

  /** Stores 32 bits without waiting. */
  store32Sync(addr: number, value: number): void {
    const low = addr | 0;
    const i = (low >>> 12) & 4095;
    const offset = low & 4092; // an unaligned address misses
    if (this.writeTags[i] === addr - offset) {
      this.words[this.frameWords[i]! + (offset >>> 2)] = value;
    } else this.#storeSync('store32Sync', addr, value, 4);
  }

  /** Stores 64 bits, low byte first. */
  store64(addr: U64, value: bigint, options?: WaitOptions): Promise<void> {
    return this.#store('store64', addr, bytesOfBig(value), options);
  }

  /** Stores 64 bits without waiting. */
  store64Sync(addr: U64, value: bigint): void {
    this.runSync('store64Sync', store(this, address(addr), bytesOfBig(value)));
  }

  /**
   * Reads bytes page by page, as a copy loop in user space does.
   *
   * @param lenBytes - Number of bytes; may cross any number of pages.
   */
  async read(addr: U64, lenBytes: number, options?: WaitOptions): Promise<Uint8Array> {
    const op = readBytes(this, address(addr), unsigned('lenBytes', lenBytes));
    return this.run('read', op, options);
  }

  /** Reads bytes without waiting. */
  readSync(addr: U64, lenBytes: number): Uint8Array {
    const op = readBytes(this, address(addr), unsigned('lenBytes', lenBytes));
    return this.runSync('readSync', op);
  }

  /** Writes bytes page by page; those before a signal stay written. */
  async write(addr: U64, bytes: Uint8Array, options?: WaitOptions): Promise<void> {
    const op = writeBytes(this, address(addr), byteArray('bytes', bytes));
    await this.run('write', op, options);
  }

  /** Writes bytes without waiting. */
  writeSync(addr: U64, bytes: Uint8Array): void {
    this.runSync('writeSync', writeBytes(this, address(addr), byteArray('bytes', bytes)));
  }

  /**
   * Updates a byte in one atomic step, as a locked instruction does; it faults as a write.
   *
   * @param update - Gets the old value, answers the new one; its low 8 bits count.
   * @returns The old value.
   */
  async rmw8(addr: U64, update: (old: number) => number, options?: WaitOptions): Promise<number> {
    return numberOf(await this.run('rmw8', this.#update(addr, 1, update), options));
  }

  /** Updates a byte atomically without waiting. */
  rmw8Sync(addr: U64, update: (old: number) => number): number {
    return numberOf(this.runSync('rmw8Sync', this.#update(addr, 1, update)));
  }

  /** Updates 32 bits in one atomic step; answers the old value. */
  async rmw32(addr: U64, update: (old: number) => number, options?: WaitOptions): Promise<number> {
    return numberOf(await this.run('rmw32', this.#update(addr, 4, update), options));
  }

  /** Updates 32 bits atomically without waiting. */
  rmw32Sync(addr: U64, update: (old: number) => number): number {
    return numberOf(this.runSync('rmw32Sync', this.#update(addr, 4, update)));
  }

  #update(addr: U64, size: 1 | 4, update: (old: number) => number) {
    return readModifyWrite(this, address(addr), size, (old) =>
      bytesOf(update(numberOf(old)), size),
    );
  }

  async #load(what: string, addr: U64, size: 1 | 2 | 4, options?: WaitOptions): Promise<number> {
    return numberOf(await this.run(what, load(this, address(addr), size), options));
  }

  #loadSync(what: string, addr: number, size: 1 | 2 | 4): number {
    const at = address(addr);
    if (!this.#mapped(at, size, false)) return numberOf(this.runSync(what, load(this, at, size)));
    const { bytes } = this;
    const first = this.#physical(at);
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + bytes[first + i]!;
    return value;
  }

  async #store(what: string, addr: U64, bytes: Uint8Array, options?: WaitOptions): Promise<void> {
    await this.run(what, store(this, address(addr), bytes), options);
  }

  #storeSync(what: string, addr: number, value: number, size: 1 | 2 | 4): void {
    const at = address(addr);
    if (!this.#mapped(at, size, true)) {
      this.runSync(what, store(this, at, bytesOf(value, size)));
      return;
    }
    const { bytes } = this;
    const first = this.#physical(at);
    for (let i = 0; i < size; i++) bytes[first + i] = value >>> (8 * i);
    const { mm } = this;
    mm.memory.onPage?.({ kind: 'write', mm, addr: at, lenBytes: size, by: 'access' });
  }

  /** Whether an access inside one page can go ahead without an operation: most faults end here. */
  #mapped(addr: number, size: number, write: boolean): boolean {
    this.assertIdle();
    if (pageOffset(addr) + size > 4096 || addr >= TASK_SIZE) return false;
    if (translate(this.mm, addr, write)) return true;
    return this.#faultIn(addr, write);
  }

  #faultIn(addr: number, write: boolean): boolean {
    const tally = new FaultTally(this.faults, 'area');
    let tries = 0;
    do {
      const outcome = attemptFault(this.mm, { addr, write, tries: tries++ });
      if (this.mm.dead) throw new SignalError(signalOf('oom', addr, this.mm.memory.profile));
      if (!isProgress(outcome)) return false;
      tally.note(outcome);
    } while (!translate(this.mm, addr, write));
    tally.settled();
    return true;
  }

  /** Where in memory the byte at an address is whose page was just translated. */
  #physical(addr: number): number {
    return this.frameWords[((addr | 0) >>> 12) & 4095]! * 4 + pageOffset(addr);
  }
}

const address = (addr: U64): number => unsigned('addr', addr);
