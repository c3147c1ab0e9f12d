/**
 * What a user holds of a migration that is under way: which pages, and the two ways to end it.
 * Answers to: migrate_pages(), with its two halves apart.
 */

import { type U64, unsigned } from '../base/args.js';
import { isPageAligned, PAGE_SIZE } from '../base/page.js';
import { beginMove, movePage, type PageMove } from '../mm/migration.js';
import type { Mm } from '../mm/mm.js';
import { pteIsPresent, pteIsSpecial, ptePfn } from '../pgtable/pte.js';
import { NO_SWAP } from '../phys/swap.js';
import type { Era } from './era.js';
import type { Process } from './process.js';
import type { System } from './system.js';

/** Arguments of {@link Machine.migrate}. */
export interface MigrateRequest {
  /** Whose pages. */
  readonly process: Process;
  /** First address in bytes, page aligned. */
  readonly addr: U64;
  /** Length in bytes, a multiple of the page size. */
  readonly length: U64;
  /** Memory node of the new frames. @defaultValue the node of each page */
  readonly node?: number;
}

/**
 * Pages on their way to other frames. Migration entries stand in their place, in every process that
 * maps them; accesses sleep until {@link Migration.finish} or {@link Migration.fail}.
 */
export class Migration implements Disposable {
  /** Addresses of the pages under way, in ascending order. */
  readonly pages: readonly number[];
  readonly #system: System;
  readonly #moves: readonly PageMove[];
  /** @internal */
  readonly era: Era;
  /** Name, for diagnosis. */
  readonly name = 'the migration';
  #closed = false;

  /** @internal */
  constructor(system: System, pages: readonly number[], moves: readonly PageMove[]) {
    this.#system = system;
    this.pages = pages;
    this.#moves = moves;
    this.era = system.eras.current;
  }

  /** Whether the migration is over. */
  get ended(): boolean {
    const [first] = this.#moves; // all of them end together
    return first === undefined ? this.#closed : first.ended;
  }

  /**
   * Ends it with the pages in their new frames. Each entry becomes what it was: protected by
   * userfaultfd, soft-dirty, accessed, dirty; writable only if it was, and if nothing changed its
   * protection in between. Whoever slept tries again.
   *
   * @throws RangeError when the migration is over already.
   */
  finish(): void {
    this.#end((move) => move.finish());
  }

  /** Ends it with the pages in their old frames; otherwise as {@link Migration.finish}. */
  fail(): void {
    this.#end((move) => move.fail());
  }

  /** {@link Migration.fail}, unless it is over. */
  [Symbol.dispose](): void {
    if (!this.ended) this.fail();
  }

  #end(each: (move: PageMove) => void): void {
    this.#system.assertCurrent(this);
    if (this.ended) throw new RangeError('migration: it is over already');
    this.#closed = true;
    this.#system.scheduler.run(() => this.#moves.forEach(each));
  }
}

/** Begins to move every page of a range that can be moved. */
export function beginMigration(system: System, request: MigrateRequest): Migration {
  const addr = unsigned('addr', request.addr);
  const length = unsigned('length', request.length);
  const { memory } = system;
  if (!isPageAligned(addr)) throw new RangeError(`addr: ${addr} is not page aligned`);
  if (!isPageAligned(length)) throw new RangeError(`length: ${length} is no number of pages`);
  checkNode(system, request.node);
  const pages: number[] = [];
  const moves: PageMove[] = [];
  for (const { page, pfn } of movable(request.process.state.mm, addr, addr + length)) {
    // What the swap cache holds could be asked for by its slot in between: it stays.
    if (memory.swap.slotOf(pfn) !== NO_SWAP) continue;
    const move = beginMove(memory, pfn, request.node ?? memory.frames.node(pfn));
    if (typeof move === 'string') continue;
    pages.push(page);
    moves.push(move);
  }
  return new Migration(system, pages, moves);
}

function checkNode({ memory }: System, node: number | undefined): void {
  if (node === undefined || (Number.isInteger(node) && node >= 0 && node < memory.nodes)) return;
  throw new RangeError(`node: ${node} is none of the ${memory.nodes} of the machine`);
}

/** Moves every movable page of an address space; how many moved. */
export function compactMm(mm: Mm): number {
  let moved = 0;
  for (const vma of mm.vmas) {
    for (const { pfn } of movable(mm, vma.start, vma.end)) {
      if (movePage(mm.memory, pfn, mm.memory.frames.node(pfn)) === 'moved') moved++;
    }
  }
  return moved;
}

/** Mapped pages of a range as they are when their turn comes; the zero page belongs to nobody. */
function* movable(mm: Mm, start: number, end: number) {
  for (const vma of mm.vmas.within(start, end)) {
    const last = Math.min(vma.end, end);
    for (let page = Math.max(vma.start, start); page < last; page += PAGE_SIZE) {
      const pte = mm.pte(page);
      if (pteIsPresent(pte) && !pteIsSpecial(pte)) yield { page, pfn: ptePfn(pte) };
    }
  }
}
