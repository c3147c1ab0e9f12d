/**
 * `HOST:PORT` as options take it, and what can go wrong when a socket is opened there, in words.
 * Opens nothing itself.
 */
import { hasCode, InputError, messageOf } from '../../exit.js';

/** Where to listen or to connect. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Everything stays on this machine unless a host is given. */
export const LOOPBACK = '127.0.0.1';

/** Reads `PORT` or `HOST:PORT`; `option` is named when it is neither. */
export function parseAddress(text: string, option: string): Address {
  const colon = text.lastIndexOf(':');
  const host = colon > 0 ? text.slice(0, colon) : LOOPBACK;
  const port = Number(text.slice(colon + 1));
  if (!/^\d+$/.test(text.slice(colon + 1)) || port > 65_535) {
    throw new InputError(`${option} takes PORT or HOST:PORT, not '${text}'`);
  }
  return { host, port };
}

/** `127.0.0.1:4711` */
export function formatEndpoint({ host, port }: Address): string {
  return `${host}:${port}`;
}

/** The error for a port that cannot be listened on. */
export function listenError(error: unknown, address: Address): unknown {
  const where = `port ${address.port} on ${address.host}`;
  if (hasCode(error, 'EADDRINUSE')) {
    return new InputError(`${where} is in use; choose another port, or 0 for any free one`);
  }
  if (hasCode(error, 'EACCES')) {
    return new InputError(`${where} needs privileges; choose a port above 1023`);
  }
  if (hasCode(error, 'EADDRNOTAVAIL', 'ENOTFOUND')) {
    return new InputError(`${address.host} is no address of this machine; use ${LOOPBACK}`);
  }
  return error;
}

/** The error for a destination that cannot be reached. */
export function connectError(error: unknown, address: Address): InputError {
  const how = `start it first: uffd-emulator migrate --listen ${address.port}`;
  const why = hasCode(error, 'ECONNREFUSED') ? 'nothing listens there' : messageOf(error);
  return new InputError(`no destination at ${formatEndpoint(address)} (${why}); ${how}`);
}
