/**
 * What the tests look at: how a call ended, which messages wait, what page tables and areas hold.
 */
import {
  KernelError,
  type Machine,
  PM_FILE_BIT,
  PM_PRESENT_BIT,
  PM_SWAP_BIT,
  PM_UFFD_WP_BIT,
  type Process,
  SignalError,
  type Userfaultfd,
} from 'uffd-emulator';
import { PAGE } from './guest.js';

/** How a call ended: its value, an errno with the result field, or a signal. */
export type Ending =
  | { readonly value: unknown }
  | { readonly code: string; readonly progress?: number }
  | { readonly signal: string; readonly code: string; readonly addr: number };

/** Makes a call and tells how it ended; errors that are neither errno nor signal pass through. */
export function ending(call: () => unknown): Ending {
  try {
    return { value: call() };
  } catch (error) {
    return endingOf(error);
  }
}

/** As {@link ending} for a call that was started before. */
export async function endingOfPromise(promise: Promise<unknown>): Promise<Ending> {
  try {
    return { value: await promise };
  } catch (error) {
    return endingOf(error);
  }
}

function endingOf(error: unknown): Ending {
  if (error instanceof SignalError) {
    return { signal: error.signal, code: error.code, addr: error.siAddr };
  }
  if (!(error instanceof KernelError)) throw error;
  const { code, progress } = error;
  return progress === undefined ? { code } : { code, progress };
}

/** The errno that a call ends with, or `ok`. */
export function errno(call: () => unknown): string {
  const end = ending(call);
  return 'value' in end ? 'ok' : 'signal' in end ? end.signal : end.code;
}

/** Reads every message that waits; faults as `flags@page`, events by name with their fields. */
export function drain(uffd: Userfaultfd, base: number): string[] {
  const texts: string[] = [];
  for (let msg = uffd.readMsgSync(); msg !== undefined; msg = uffd.readMsgSync()) {
    const n = (addr: number) => (addr - base) / PAGE;
    if (msg.event === 'pagefault') texts.push(`fault ${msg.flags} @${n(msg.address)}`);
    else if (msg.event === 'fork') texts.push('fork');
    else if (msg.event === 'remap') {
      texts.push(`remap ${n(msg.from)} to ${n(msg.to)} len ${msg.len / PAGE}`);
    } else texts.push(`${msg.event} ${n(msg.start)}-${n(msg.end)}`);
  }
  return texts;
}

/**
 * Pages of a range by letter: `-` nothing, `P` a page of its own or the zero page, `F` a page of
 * the file, `m` a marker; `w` behind it says write-protected.
 */
export function pages(proc: Process, addr: number, count: number): string {
  const words = proc.pagemap({ addr, length: count * PAGE });
  return Array.from(words, letter).join(' ');
}

function letter(word: bigint): string {
  const has = (bit: number) => (word & (1n << BigInt(bit))) !== 0n;
  const kind = has(PM_PRESENT_BIT) ? (has(PM_FILE_BIT) ? 'F' : 'P') : has(PM_SWAP_BIT) ? 'm' : '-';
  return has(PM_UFFD_WP_BIT) ? `${kind}w` : kind;
}

const UFFD_TOKENS = ['um', 'uw', 'ui', 'ur'];

/** Areas from `base` on as `start-end:modes` in pages; modes are the VmFlags of userfaultfd. */
export function areas(proc: Process, base: number): string[] {
  return proc
    .maps()
    .filter(({ end }) => end > base)
    .map(({ start, end, vmFlags }) => {
      const modes = vmFlags.filter((token) => UFFD_TOKENS.includes(token)).join('+');
      return `${(start - base) / PAGE}-${(end - base) / PAGE}:${modes || 'none'}`;
    });
}

/** Everything that a refused call must leave as it was. */
export function snapshot(machine: Machine): unknown {
  const processes = machine.processes.map((proc) => {
    const maps = proc.maps();
    const words = maps.map(({ start, end }) => [
      ...proc.pagemap({ addr: start, length: end - start }),
    ]);
    return { maps, words, threads: proc.threads.map(({ state }) => state) };
  });
  return { processes, freePages: machine.freePages };
}

/** Lets promises settle that the machine has settled already. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
