/**
 * TCP between the two sides: the destination listens and takes one connection, the source connects.
 * Gives channels; what goes over them is not known here.
 */
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { Channel } from '../wire/channel.js';
import { type Address, connectError, listenError } from './address.js';

const CONNECT_TIMEOUT_MS = 5_000;

/** A destination that waits for its source. */
export interface Listening {
  /** Where it listens; the port is the real one when 0 was asked for. */
  readonly address: Address;
  /** Waits for the source. */
  accept(): Promise<Channel>;
  /** Listens no more. */
  close(): void;
}

/** Listens for one source. */
export async function listen(address: Address): Promise<Listening> {
  const server = createServer({ noDelay: true });
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await listening(server, address);
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : address.port;
  return {
    address: { ...address, port },
    async accept() {
      const socket = await accepted;
      server.close();
      return new Channel(socket, 'source');
    },
    close: () => server.close(),
  };
}

function listening(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, { host, port })));
    server.listen(port, host, resolve);
  });
}

/** Connects to a destination. */
export async function connect(address: Address): Promise<Channel> {
  const socket = new Socket();
  socket.setNoDelay(true);
  const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  try {
    socket.connect(address);
    await once(socket, 'connect', { signal });
  } catch (error) {
    socket.destroy();
    throw connectError(error, address);
  }
  return new Channel(socket, 'destination');
}
