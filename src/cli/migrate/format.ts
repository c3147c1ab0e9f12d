/**
 * Numbers as people read them: counts with separators, bytes and virtual times with a unit that
 * fits. Always the same on every machine: no locale is asked.
 */

/** A whole number with commas: `1,234,567`. */
export function formatCount(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A number of bytes: `512 B`, `4.0 KiB`, `5.7 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}

/** A time given in nanoseconds: `0`, `850 ns`, `12.5 µs`, `3.14 ms`, `2.50 s`. */
export function formatNs(ns: number): string {
  if (ns === 0) return '0';
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(2)} ms`;
  return `${(ns / 1e9).toFixed(2)} s`;
}

/** An address as the kernel prints it in /proc/PID/maps, with 0x in front. */
export function formatAddress(address: number): string {
  return `0x${address.toString(16)}`;
}

/** A count with its noun: `1 page`, `2 pages`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
