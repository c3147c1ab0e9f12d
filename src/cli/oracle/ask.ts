/**
 * Asks a kernel with patience: a scenario that took too long is run again, as a busy machine may
 * take too long once. What stays without a comparable answer is said in words.
 */
import type { Oracle, OracleResult } from './oracle.js';

const TROUBLES = new Map([
  [3, 'the kernel ran out of time (! watchdog)'],
  [4, 'the kernel did not come to rest (! stuck)'],
]);

const ATTEMPTS = 3;

/** Why a kernel's transcript cannot be compared; undefined when it can. */
export const troubleOf = ({ status }: OracleResult): string | undefined => TROUBLES.get(status);

/** Runs a scenario on the kernel, up to three times if it takes too long. */
export async function askKernel(
  oracle: Pick<Oracle, 'run'>,
  scenario: string,
): Promise<OracleResult> {
  for (let attempt = 1; ; attempt++) {
    const result = await oracle.run(scenario);
    if (troubleOf(result) === undefined || attempt === ATTEMPTS) return result;
  }
}
