/**
 * Builders of the machines that the tests look at: one guest process with three threads, one area
 * of memory, one userfaultfd that is registered on it. Every machine is checked for broken
 * invariants after the test that made it.
 */
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  Machine,
  type MachineOptions,
  O_NONBLOCK,
  PROT_READ,
  PROT_WRITE,
  type Process,
  type SpawnOptions,
  type Thread,
  type Userfaultfd,
} from 'uffd-emulator';
import { afterEach } from 'vitest';

/** Bytes of a page. */
export const PAGE = 4096;
/** Where areas lie unless a test says otherwise: the start of a 2 MiB unit. */
export const BASE = 0x2000_0000_0000;
export const RW = PROT_READ | PROT_WRITE;
export const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
export const [M, W, N] = [1, 2, 4] as const;

const made: Machine[] = [];

afterEach(() => {
  for (const machine of made.splice(0)) machine.checkInvariants();
});

/** A machine of 16 MiB; its invariants are checked when the test ends. */
export function newMachine(options: MachineOptions = {}): Machine {
  const machine = new Machine({ memory: 16 * 2 ** 20, ...options });
  made.push(machine);
  return machine;
}

/** Kinds of memory: private anonymous, or a file mapped shared or private. */
export type Memory = 'anon' | 'shared' | 'private';

export interface GuestOptions extends MachineOptions {
  /** Pages of the area; 0 maps nothing. @defaultValue 4 */
  readonly pages?: number;
  /** @defaultValue `'anon'` */
  readonly kind?: Memory;
  /** Pages of the memfd, each filled with a byte. @defaultValue no pages, all holes */
  readonly cached?: readonly number[];
  /** Pages that the memfd is long. @defaultValue as the area */
  readonly filePages?: number;
  readonly prot?: number;
  /** Features of the handshake; `null` does none. @defaultValue `0` */
  readonly features?: number | null;
  /** Modes to register the area with; 0 leaves it unregistered. @defaultValue M */
  readonly modes?: number;
  /** Flags of userfaultfd(2). @defaultValue O_NONBLOCK */
  readonly flags?: number;
  readonly spawn?: SpawnOptions;
}

/** A process with registered memory, and what a test needs around it. */
export interface Guest {
  readonly machine: Machine;
  readonly proc: Process;
  /** The thread that manages. */
  readonly main: Thread;
  /** Threads that fault. */
  readonly t0: Thread;
  readonly t1: Thread;
  readonly t2: Thread;
  readonly uffd: Userfaultfd;
  /** Descriptor of the memfd behind the area; -1 for anonymous memory. */
  readonly fd: number;
  /** Address of page `n` of the area. */
  at(n: number): number;
}

/** Makes a machine with one guest. */
export function machineWith(options: GuestOptions = {}): Guest {
  const machine = newMachine(options);
  const proc = machine.spawn({ name: 'guest', ...options.spawn });
  const { main } = proc;
  const pages = options.pages ?? 4;
  const fd = mapArea(main, pages, options);
  const uffd = main.userfaultfdSync(options.flags ?? O_NONBLOCK);
  if (options.features !== null) uffd.apiSync({ features: options.features ?? 0 });
  const mode = options.features === null ? 0 : (options.modes ?? M);
  if (mode !== 0 && pages > 0) uffd.registerSync({ start: BASE, len: pages * PAGE, mode });
  const [t0, t1, t2] = [0, 1, 2].map((i) => proc.createThread(`t${i}`)) as [Thread, Thread, Thread];
  return { machine, proc, main, t0, t1, t2, uffd, fd, at: (n) => BASE + n * PAGE };
}

function mapArea(main: Thread, pages: number, options: GuestOptions): number {
  const { kind = 'anon', prot = RW } = options;
  const fd = kind === 'anon' ? -1 : memfd(main, options.filePages ?? pages, options.cached ?? []);
  if (pages > 0) mapAt(main, BASE, pages, { kind, prot, fd });
  return fd;
}

/** A memfd of some pages; those of `cached` are written, one byte each, the others are holes. */
export function memfd(thread: Thread, pages: number, cached: readonly number[] = []): number {
  const fd = thread.memfdCreateSync('ram');
  thread.ftruncateSync({ fd, length: pages * PAGE });
  cached.forEach((byte, i) => {
    thread.pwriteSync({ fd, bytes: page(byte), offset: i * PAGE });
  });
  return fd;
}

/** Maps pages at a fixed address. */
export function mapAt(
  thread: Thread,
  addr: number,
  pages: number,
  how: { kind?: Memory; prot?: number; fd?: number; offset?: number } = {},
): number {
  const { kind = 'anon', prot = RW, fd = -1, offset = 0 } = how;
  const type = kind === 'anon' ? ANON : kind === 'shared' ? MAP_SHARED : MAP_PRIVATE;
  const length = pages * PAGE;
  return thread.mmapSync({ addr, length, prot, flags: type | MAP_FIXED, fd, offset });
}

/** Another userfaultfd of a process, after its handshake. */
export function anotherUffd(thread: Thread, features = 0, flags = O_NONBLOCK): Userfaultfd {
  const uffd = thread.userfaultfdSync(flags);
  uffd.apiSync({ features });
  return uffd;
}

/** A page of one byte. */
export const page = (byte: number, pages = 1): Uint8Array =>
  new Uint8Array(pages * PAGE).fill(byte);

/** A range in pages as the ioctls take it. */
export const pagesAt = (start: number, pages = 1) => ({ start, len: pages * PAGE });

/** A range in pages as the system calls take it. */
export const span = (addr: number, pages = 1) => ({ addr, length: pages * PAGE });
