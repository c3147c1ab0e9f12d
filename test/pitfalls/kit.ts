/**
 * What the programs of this folder share: a registered range, and short ways to ask how a call
 * ended. What a program teaches is in its own file.
 */
import {
  type Body,
  type ErrnoName,
  KernelError,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  type MachineOptions,
  PROT_READ,
  PROT_WRITE,
  type ScheduleTrouble,
  type Sim,
  UFFDIO_REGISTER_MODE_MISSING,
  type UffdMessage,
  type Userfaultfd,
} from '../../src/index.js';

/** A form of a program that fails, and how. */
export interface BrokenForm {
  readonly body: Body;
  readonly trouble: ScheduleTrouble;
  /** What the message says of the cause. */
  readonly says: RegExp;
}

/** A mistake: a program that makes it, in one form or several, and one that does not. */
export interface Pitfall {
  readonly title: string;
  readonly correct: Body;
  readonly broken: readonly BrokenForm[];
  readonly machine?: MachineOptions;
}

export const PAGE = 4096;

/** The content that the source has for every page. */
export const SOURCE = 7;

export const page = (value: number): Uint8Array => new Uint8Array(PAGE).fill(value);

/** Memory of a guest that a userfaultfd serves. */
export interface Guest {
  readonly addr: number;
  readonly length: number;
  readonly uffd: Userfaultfd;
}

export interface GuestOptions {
  readonly pages?: number;
  readonly mode?: number;
  readonly features?: number;
  /** Flags of userfaultfd(2). */
  readonly flags?: number;
}

/** Maps memory that nobody has touched. */
export const mapMemory = ({ thread }: Sim, pages: number): number =>
  thread.mmapSync({
    length: pages * PAGE,
    prot: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
  });

/** Maps and registers memory before any thread of the program runs. */
export function guest(sim: Sim, options: GuestOptions = {}): Guest {
  const { pages = 2, mode = UFFDIO_REGISTER_MODE_MISSING, features = 0, flags = 0 } = options;
  const addr = mapMemory(sim, pages);
  const length = pages * PAGE;
  const uffd = sim.thread.userfaultfdSync(flags);
  uffd.apiSync({ features });
  uffd.registerSync({ start: addr, len: length, mode });
  return { addr, length, uffd };
}

/** How a call ended: `done`, or its errno. */
export async function answerOf(call: Promise<unknown>): Promise<'done' | ErrnoName> {
  try {
    await call;
    return 'done';
  } catch (error) {
    if (error instanceof KernelError) return error.code;
    throw error;
  }
}

/** The result field of a fill: bytes done, or a negated errno. */
export async function resultOf(call: Promise<number>): Promise<number> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof KernelError && error.progress !== undefined) return error.progress;
    throw error;
  }
}

/** Every message that there is; waits for the first unless there is other work to do. */
export async function messagesOf(
  uffd: Userfaultfd,
  work: readonly unknown[] = [],
): Promise<UffdMessage[]> {
  const found = work.length > 0 ? [] : [await uffd.readMsg()];
  for (let next = uffd.readMsgSync(); next !== undefined; next = uffd.readMsgSync()) {
    found.push(next);
  }
  return found;
}
