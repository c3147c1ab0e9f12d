/**
 * The destination as a process of its own: started by a source (and bound to its life through the
 * IPC channel), or by hand with --listen. Takes one guest over and ends.
 */
import { CliError } from '../../exit.js';
import type { DestinationReport } from '../destination/destination.js';
import type { Address } from './address.js';
import { LOOPBACK } from './address.js';
import { takeOver } from './takeover.js';
import { listen } from './tcp.js';

/** Waits at an address for a source and takes its guest over. */
export async function serveAt(
  address: Address,
  tracePath: string,
  onListening: (address: Address) => void,
): Promise<DestinationReport> {
  const listening = await listen(address);
  try {
    onListening(listening.address);
    return await takeOver(await listening.accept(), tracePath);
  } finally {
    listening.close();
  }
}

/** The destination that a source has started: tells it the port, and ends when it does. */
export async function serveParent(port: number, tracePath: string): Promise<void> {
  process.once('disconnect', () => process.exit(1));
  try {
    const announce = ({ port: bound }: Address) => process.send?.(bound);
    await serveAt({ host: LOOPBACK, port }, tracePath, announce);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    process.send?.({ text: error.message, exitCode: error.exitCode });
    process.exitCode = error.exitCode; // the source tells the user
  } finally {
    process.removeAllListeners('disconnect');
    process.disconnect?.();
  }
}
