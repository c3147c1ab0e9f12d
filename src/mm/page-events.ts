/**
 * What happens to pages, for somebody who watches a machine: stores, faults, fills, removals.
 * Memory management tells; nobody who hears changes anything. Costs one test while nobody does.
 * `mm` is an address space: an `Mm`, which this file must not know.
 */

import type { Inode } from '../file/inode.js';
import type { UffdFault } from './uffd-port.js';

/** Who wrote: an instruction, the kernel for a caller, or somebody from another process. */
export type Writer = 'access' | 'kernel' | 'remote';

/** Bytes of user memory were written. */
export interface WriteEvent {
  readonly kind: 'write';
  readonly mm: object;
  readonly addr: number;
  readonly lenBytes: number;
  readonly by: Writer;
}

/** A page of a file was written through a descriptor. */
export interface FileWriteEvent {
  readonly kind: 'file write';
  readonly inode: Inode;
  readonly index: number;
}

/** A page is about to come to a slot, whatever for. */
export interface InstallEvent {
  readonly kind: 'install';
  readonly mm: object;
  readonly addr: number;
}

/** A fault on one page brought another: fault-around. */
export interface AroundEvent {
  readonly kind: 'around';
  readonly mm: object;
  readonly addr: number;
}

/** A huge page is about to come, or several pages are about to become one: 2 MiB from `addr` on. */
export interface HugeEvent {
  readonly kind: 'huge';
  readonly mm: object;
  readonly addr: number;
}

/** A userfaultfd's owner put a page, or a marker, into a slot. */
export interface FillEvent {
  readonly kind: 'fill';
  readonly mm: object;
  readonly addr: number;
}

/** What stands for a fault in the queues of a userfaultfd. */
export interface Message {
  /** A reader took it. */
  readonly wasRead: boolean;
  /** The thread was woken. */
  readonly ended: boolean;
}

/** A thread asks a userfaultfd for a page. */
export interface FaultEvent {
  readonly kind: 'fault';
  readonly mm: object;
  readonly fault: UffdFault;
  readonly message: Message;
}

/** The content of `[start, end)` goes: advice, a hole, the end of a mapping. */
export interface RemovalEvent {
  readonly kind: 'removal';
  readonly mm: object;
  readonly start: number;
  readonly end: number;
}

/** A userfaultfd's owner protects `[start, end)` against writes, or takes protection away. */
export interface ProtectionEvent {
  readonly kind: 'protect' | 'unprotect';
  readonly mm: object;
  readonly start: number;
  readonly end: number;
}

/** `[start, end)` is registered with a userfaultfd, or is no longer. */
export interface RegistrationEvent {
  readonly kind: 'register' | 'unregister';
  readonly mm: object;
  readonly start: number;
  readonly end: number;
  /** Name of the userfaultfd. */
  readonly name: string;
}

/** The last descriptor of a userfaultfd was closed; threads waited for these addresses. */
export interface CloseEvent {
  readonly kind: 'close';
  readonly mm: object;
  readonly waiters: readonly number[];
}

/** Something that happened to pages. */
export type PageEvent =
  | WriteEvent
  | FileWriteEvent
  | InstallEvent
  | AroundEvent
  | HugeEvent
  | FillEvent
  | FaultEvent
  | RemovalEvent
  | ProtectionEvent
  | RegistrationEvent
  | CloseEvent;

/** Hears of each event, as it happens. */
export type PageListener = (event: PageEvent) => void;

/** One function for all listeners of a machine: state of whoever watches, none of the kernel. */
export interface PageHub {
  (event: PageEvent): void;
  readonly listeners: Set<PageListener>;
}

/** Where the hub of a machine is kept. */
export interface Watched {
  /** `undefined` while nobody watches. */
  onPage: PageHub | undefined;
}

/** Lets somebody hear; the answer ends it. */
export function hearPages(memory: Watched, listener: PageListener): () => void {
  const hub = memory.onPage ?? makeHub();
  memory.onPage = hub;
  hub.listeners.add(listener);
  return () => {
    hub.listeners.delete(listener);
    if (hub.listeners.size === 0 && memory.onPage === hub) memory.onPage = undefined;
  };
}

function makeHub(): PageHub {
  const listeners = new Set<PageListener>();
  const tell = (event: PageEvent): void => {
    for (const listener of listeners) listener(event);
  };
  return Object.assign(tell, { listeners });
}
