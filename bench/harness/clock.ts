/**
 * The clock of the measurements: monotonic, in nanoseconds.
 */

/** Nanoseconds since some moment. */
export const nowNs = (): number => performance.now() * 1e6;

/** Nanoseconds that `body` takes for each of `count` operations. */
export function nsPer(count: number, body: () => void): number {
  const start = nowNs();
  body();
  return (nowNs() - start) / count;
}
