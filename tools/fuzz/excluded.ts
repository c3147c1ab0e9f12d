/**
 * What no scenario of the fuzzer may do, because a kernel hangs or answers differently each time:
 * a signal for a worker that may sleep in an access of the kernel's own. Pure text.
 */

const KERNEL_ACCESS =
  /^(?:(?:sys|vm)(?:read|write)|mlock|copy|move|map|mremap|madvise \S+ \S+ POPULATE\w+)\b/;
const LINE = /^(?:(P[0-5](?:\.(?:M|T[0-3]))?|T[0-3]) )?(.*)$/;

/** One name for each worker: `P0.T1`, `P1.M`. */
function workerOf(who: string | undefined): string {
  if (who === undefined) return 'P0.M';
  if (who.startsWith('T')) return `P0.${who}`;
  return who.includes('.') ? who : `${who}.M`;
}

/** Whether an operation may sleep in a fault that the kernel takes. */
export const mayFaultInKernel = (operation: string): boolean => KERNEL_ACCESS.test(operation);

/** Whether some signal may reach a worker in the kernel. */
export function isExcluded(lines: readonly string[]): boolean {
  const kernel = new Set<string>();
  for (const line of lines) {
    const [, who, operation = ''] = LINE.exec(line) ?? [];
    if (mayFaultInKernel(operation)) kernel.add(workerOf(who));
    const [word, target] = operation.split(' ');
    if (word === 'signal' && kernel.has(workerOf(target))) return true;
  }
  return false;
}
