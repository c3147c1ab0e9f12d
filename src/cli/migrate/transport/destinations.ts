/**
 * Where a source finds its destination: in this process, in a second Node process that it starts,
 * or at an address where somebody else started one. Each gives a channel and a way to be rid of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { duplexPair } from 'node:stream';
import { CliError, FailedError } from '../../exit.js';
import { Channel } from '../wire/channel.js';
import { type Address, LOOPBACK } from './address.js';
import { takeOver } from './takeover.js';
import { connect } from './tcp.js';

/** A destination within reach. */
export interface Destination {
  readonly channel: Channel;
  /** How the bytes travel, in words. */
  readonly transport: string;
  /** Ends the connection and whatever was started for it; waits until it is gone. */
  close(): Promise<void>;
}

/** A destination in this process, at the other end of a pair of streams. */
export function localDestination(tracePath: string): Destination {
  const [ours, theirs] = duplexPair({ highWaterMark: 1024 * 1024 });
  const channel = new Channel(ours, 'destination');
  const over = takeOver(new Channel(theirs, 'source'), tracePath).catch((error: unknown) => error);
  return {
    channel,
    transport: 'in-process',
    async close() {
      await channel.end();
      await over; // its errors have reached the source through the channel
    },
  };
}

/** A destination that somebody started with --listen. */
export async function remoteDestination(address: Address): Promise<Destination> {
  const channel = await connect(address);
  return { channel, transport: 'tcp', close: () => channel.end() };
}

/** What to run as the destination's process. */
export interface ChildOptions {
  readonly tracePath: string;
  /** The port that the child listens on; 0 for any. */
  readonly port: number;
  /** The script of the command line tool. */
  readonly script: string;
}

/** A destination in a second Node process, over TCP on loopback. */
export async function childDestination(options: ChildOptions): Promise<Destination> {
  const { tracePath, port, script } = options;
  const args = [...process.execArgv, script, 'migrate-destination', '--port', String(port)];
  const child = spawn(process.execPath, [...args, tracePath], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const channel = await connect({ host: LOOPBACK, port: await announcedPort(child) });
    return { channel, transport: 'tcp, two processes', close: () => closeChild(child, channel) };
  } catch (error) {
    await ended(child);
    throw error;
  }
}

/** The child's first message is its port, or why it has none. */
function announcedPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new FailedError(`the destination's process ended at once, with exit code ${code}`));
    });
    child.once('message', (message) => {
      if (typeof message === 'number') return resolve(message);
      const { text, exitCode } = { text: '', exitCode: 1, ...Object(message) };
      reject(new CliError(String(text), Number(exitCode)));
    });
  });
}

async function closeChild(child: ChildProcess, channel: Channel): Promise<void> {
  await channel.end();
  await ended(child);
}

/** How long a child may take to end by itself. */
const GRACE_MS = 2_000;

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill(), GRACE_MS);
  await new Promise((resolve) => child.once('exit', resolve));
  clearTimeout(timer);
}
