/**
 * Who waits for what on a machine, and who of them waits in vain, in sentences. Read only.
 * Looks at the queues of every userfaultfd; needs no simulation.
 */

import { pageDown } from '../base/page.js';
import type { Machine } from '../machine/machine.js';
import { UffdContext } from '../uffd/context.js';
import { type FaultMessage, FaultWait } from '../uffd/fault-message.js';
import { UffdFile } from '../uffd/file.js';

/** Every userfaultfd that somebody holds or that memory is registered with. */
function contextsOf({ system }: Machine): UffdContext[] {
  const found = new Set<UffdContext>();
  for (const { fds, mm } of system.processes.values()) {
    for (const [, file] of fds.entries()) if (file instanceof UffdFile) found.add(file.context);
    for (const { uffd } of mm.vmas) if (uffd instanceof UffdContext) found.add(uffd);
  }
  return [...found];
}

/** What is under way on a machine, a sentence each; readers that wait for messages do not count. */
export function inFlight(machine: Machine): string[] {
  const events = contextsOf(machine).flatMap(({ events: unread, name }) =>
    unread.map(({ body }) => `the ${body.event.toUpperCase()} event of ${name} is unread`),
  );
  const threads = machine.processes.flatMap((process) => process.threads);
  const blocked = threads.flatMap(({ name, state, waitsFor }) =>
    state === 'blocked' ? `${name} is asleep: ${waitsFor ?? 'about to go on'}` : [],
  );
  return [...blocked, ...events];
}

/** A thread that sleeps in a fault and that nothing will wake. */
export interface StrandedWaiter {
  /** Whose memory it faulted in, by process id; `undefined` when that process has ended. */
  readonly pid: number | undefined;
  /** Page that it waits for. */
  readonly page: number;
  /** Who waits and why in vain, as a sentence. */
  readonly reason: string;
}

/**
 * Threads that sleep in a fault although the page is as they want it by now, or was asked for by
 * nobody who could still answer: lost wake-ups.
 */
export function strandedWaiters(machine: Machine): StrandedWaiter[] {
  return contextsOf(machine).flatMap((context) => {
    const messages = [...context.pending, ...context.waiting];
    return messages.flatMap((message) => strandedIn(machine, context, message) ?? []);
  });
}

function strandedIn(
  machine: Machine,
  context: UffdContext,
  message: FaultMessage,
): StrandedWaiter | undefined {
  const reason = whyStranded(machine, context, message);
  if (reason === undefined) return undefined;
  const processes = [...machine.system.processes.values()];
  const pid = processes.find(({ mm, ended }) => mm === context.mm && !ended)?.pid;
  return { pid, page: pageDown(message.address), reason };
}

function whyStranded(
  machine: Machine,
  context: UffdContext,
  message: FaultMessage,
): string | undefined {
  const sleeps = message.wait.reason.describe();
  if (!stillFaulting(context, message)) {
    return `${sleeps}, but the page is there by now and nobody woke it`;
  }
  return isHeld(machine, context) ? undefined : `${sleeps}, but nobody holds ${context.name}`;
}

/** Whether a thread that looked now would go to sleep again. */
function stillFaulting({ mm }: UffdContext, { wait, address }: FaultMessage): boolean {
  const isMapped = mm.vmas.find(address) !== undefined;
  return isMapped && wait.reason instanceof FaultWait && wait.reason.fault.stillFaulting();
}

function isHeld({ system }: Machine, context: UffdContext): boolean {
  const processes = [...system.processes.values()];
  return processes.some(({ fds }) =>
    fds.entries().some(([, file]) => file instanceof UffdFile && file.context === context),
  );
}
