/**
 * What the generator believes of one process: its windows, names and workers.
 */

import type { FileObject, Page, Uffd } from './page.js';

/** A page of a window. */
export interface Place {
  readonly slot: string;
  readonly index: number;
}

/** An access that waits for its page. */
export interface FaultSleep {
  readonly kind: 'fault';
  /** Whose memory it touches. */
  readonly owner: Process;
  readonly place: Place;
  readonly isWrite: boolean;
  readonly isKernel: boolean;
}

/** What a worker sleeps in. */
export type Sleep =
  | FaultSleep
  | { readonly kind: 'event'; readonly isFork: boolean }
  | { readonly kind: 'read'; readonly uffd: Uffd };

/** A worker as the generator sees it. */
export interface Worker {
  readonly process: Process;
  readonly name: 'M' | 'T0' | 'T1' | 'T2' | 'T3';
  sleep: Sleep | undefined;
  wasUsed: boolean;
  /** It was given something that may sleep in an access of the kernel's own. */
  wasInKernel: boolean;
}

/** A worker as a line names it. */
export function whoText({ process, name }: Worker): string {
  if (process.index === 0) return name === 'M' ? 'P0' : name;
  return name === 'M' ? `P${process.index}` : `P${process.index}.${name}`;
}

/** The pages of a window, by index; holes are absent. */
export type Window = Map<number, Page>;

const WORKERS = ['M', 'T0', 'T1', 'T2', 'T3'] as const;

/** A process as the generator sees it. */
export class Process {
  isAlive = true;
  readonly windows = new Map<string, Window>();
  readonly uffds = new Map<string, Uffd>();
  readonly files = new Map<string, FileObject>();
  readonly workers: readonly Worker[];

  constructor(readonly index: number) {
    this.workers = WORKERS.map((name) => ({
      process: this,
      name,
      sleep: undefined,
      wasUsed: false,
      wasInKernel: false,
    }));
  }

  get main(): Worker {
    const [main] = this.workers;
    if (main === undefined) throw new Error('a process has workers');
    return main;
  }

  /** T workers that can be given an operation. */
  get idleThreads(): Worker[] {
    return this.workers.filter(({ name, sleep }) => name !== 'M' && sleep === undefined);
  }

  /** Whether a thread waits until the event of its fork was read. */
  get isForking(): boolean {
    return this.workers.some(({ sleep }) => sleep?.kind === 'event' && sleep.isFork);
  }

  page({ slot, index }: Place): Page | undefined {
    return this.windows.get(slot)?.get(index);
  }

  window(slot: string): Window {
    const known = this.windows.get(slot);
    if (known !== undefined) return known;
    const made: Window = new Map();
    this.windows.set(slot, made);
    return made;
  }

  /** Places of all pages, window by window. */
  get places(): Place[] {
    return [...this.windows].flatMap(([slot, window]) =>
      [...window.keys()].sort((a, b) => a - b).map((index) => ({ slot, index })),
    );
  }

  /** Windows that have a page. */
  get slots(): string[] {
    return [...this.windows].filter(([, window]) => window.size > 0).map(([slot]) => slot);
  }

  /** The first page of a window. */
  start(slot: string): number {
    const indexes = [...(this.windows.get(slot)?.keys() ?? [])];
    return indexes.length > 0 ? Math.min(...indexes) : 0;
  }

  /** The index behind the last page that a window ever had. */
  end(slot: string): number {
    return Math.max(-1, ...(this.windows.get(slot)?.keys() ?? [])) + 1;
  }
}
