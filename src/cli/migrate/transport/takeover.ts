/**
 * A destination at the end of a channel: runs it, and tells the source when it cannot go on, so
 * that the source need not guess why the stream ended.
 */
import { CliError, FailedError, messageOf } from '../../exit.js';
import { type DestinationReport, runDestination } from '../destination/destination.js';
import { type Channel, ChannelClosedError } from '../wire/channel.js';

/** Takes one guest over through a channel, and closes it in the end. */
export async function takeOver(channel: Channel, tracePath: string): Promise<DestinationReport> {
  try {
    return await runDestination(channel, tracePath);
  } catch (error) {
    if (!(error instanceof ChannelClosedError)) channel.fail(asCliError(error));
    throw error;
  } finally {
    await channel.end();
  }
}

function asCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  return new FailedError(`the destination failed: ${messageOf(error)}`);
}
