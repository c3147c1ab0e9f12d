/**
 * A guest for facts about single pages: states by letter, and the calls on page `n` that most
 * facts are made of. It has a swap device.
 */
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MADV_GUARD_INSTALL,
  MADV_PAGEOUT,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  type Process,
  UFFD_FEATURE_WP_ASYNC,
  UFFD_FEATURE_WP_UNPOPULATED,
} from 'uffd-emulator';
import {
  BASE,
  type Guest,
  type GuestOptions,
  machineWith,
  PAGE,
  page,
  pagesAt,
  span,
  W,
} from '../support/guest.js';
import { drain, ending } from '../support/observe.js';
import { statesOf } from './page-state.js';

export const SHARED = { kind: 'shared', modes: W } as const;
export const PRIVATE = { kind: 'private', modes: W } as const;
export const UNPOPULATED = { features: UFFD_FEATURE_WP_UNPOPULATED, modes: W } as const;
export const ASYNC = { features: UFFD_FEATURE_WP_ASYNC, modes: W } as const;

/** Word of pagemap for a marker of write protection alone. */
export const WORD_KW = 0x420000000000003fn;

/** The calls on pages, by number. */
export class PageFacts {
  readonly swap;
  constructor(readonly guest: Guest) {
    this.swap = guest.machine.swapOn({ size: 64 * PAGE });
  }

  /** Letters of the first pages. */
  states(count = 4, proc: Process = this.guest.proc): string {
    return statesOf(proc, BASE, count).join(' ');
  }

  state(n: number, proc: Process = this.guest.proc): string {
    return statesOf(proc, this.guest.at(n))[0] ?? '';
  }

  word(n: number): bigint {
    return this.guest.proc.pagemap(span(this.guest.at(n)))[0] ?? 0n;
  }

  frame(n: number): bigint {
    return this.word(n) & ((1n << 55n) - 1n);
  }

  protect(n: number, count = 1): void {
    this.guest.uffd.writeprotectSync({ ...pagesAt(this.guest.at(n), count), mode: 1 });
  }

  unprotect(n: number, count = 1): void {
    this.guest.uffd.writeprotectSync({ ...pagesAt(this.guest.at(n), count), mode: 0 });
  }

  poison(n: number): void {
    this.guest.uffd.poisonSync(pagesAt(this.guest.at(n)));
  }

  guard(n: number): void {
    this.advise(MADV_GUARD_INSTALL, n);
  }

  advise(advice: number, n: number, count = 1): void {
    this.guest.main.madviseSync({ ...span(this.guest.at(n), count), advice });
  }

  swapOut(n: number): void {
    this.advise(MADV_PAGEOUT, n);
  }

  /** Writes and protects a page. */
  dirtyAndProtect(n: number, value = 1): void {
    this.guest.main.store8Sync(this.guest.at(n), value);
    this.protect(n);
  }

  copy(n: number, byte: number, mode = 0): void {
    this.guest.uffd.copySync({ dst: this.guest.at(n), src: page(byte), mode });
  }

  punch(n: number): void {
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const { main, fd } = this.guest;
    main.fallocateSync({ fd, mode, offset: n * PAGE, length: PAGE });
  }

  /** Cuts the file to `n` pages and extends it again. */
  truncate(n: number): void {
    const { main, fd } = this.guest;
    main.ftruncateSync({ fd, length: n * PAGE });
    main.ftruncateSync({ fd, length: 4 * PAGE });
  }

  /** Moves page `n` alone to page `to`. */
  move(n: number, to: number): void {
    this.guest.main.mremapSync({
      oldAddress: this.guest.at(n),
      newAddress: this.guest.at(to),
      oldSize: PAGE,
      newSize: PAGE,
      flags: MREMAP_MAYMOVE | MREMAP_FIXED,
    });
  }

  /** Messages that a read of page `n` raises; the thread stays asleep if there is one. */
  onRead(n: number): string[] {
    void this.guest.t0.load8(this.guest.at(n));
    return this.messages();
  }

  /** Messages that a write of page `n` raises. */
  onWrite(n: number, value = 9): string[] {
    void this.guest.t1.store8(this.guest.at(n), value);
    return this.messages();
  }

  messages(): string[] {
    return drain(this.guest.uffd, BASE);
  }

  /** Faults that the kernel resolves by itself before a write of page `n` goes through. */
  faultsOfWrite(n: number): number {
    const { machine, main, at } = this.guest;
    const { write } = machine.explain(main, at(n));
    if (write.at(-1)?.outcome !== 'hit') throw new Error('the write does not go through');
    return write.length - 1;
  }

  /** How a load of page `n` ends. */
  loads(n: number): unknown {
    return ending(() => this.guest.t2.load8Sync(this.guest.at(n)));
  }
}

/** A guest with facts to check; four pages registered for W unless told otherwise. */
export const facts = (options: GuestOptions = {}): PageFacts =>
  new PageFacts(machineWith({ modes: W, ...options }));
