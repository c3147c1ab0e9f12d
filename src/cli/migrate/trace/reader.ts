/**
 * Opens a trace file and hands out its accesses, batch by batch, in constant memory: plain text or
 * gzip, told apart by the first bytes and not by the name. Turns what can go wrong with the file
 * into one sentence with exit code 2. What a line means is parser.ts's business.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { hasCode, InputError, messageOf } from '../../exit.js';
import { AccessBatch } from './access.js';
import { LackeyParser, type ParserCounts, RECORD_HINT } from './parser.js';

const CHUNK_BYTES = 256 * 1024;

/** Where a trace is and how strictly it is read. */
export interface TraceSource {
  readonly path: string;
  /** Takes a recording that ends in the middle: whole lines count, the rest is left out. */
  readonly allowTruncated: boolean;
  /** Sees the bytes of the file as they are on disk. */
  readonly onBytes?: (bytes: Uint8Array) => void;
}

/** One pass over a trace. `next` gives the same batch object each time, filled anew. */
export class TraceReader {
  readonly #source: TraceSource;
  readonly #parser = new LackeyParser();
  readonly #batch = new AccessBatch();
  readonly #chunks: AsyncIterator<Uint8Array>;
  #hasChunk = false;

  private constructor(source: TraceSource, chunks: AsyncIterator<Uint8Array>) {
    this.#source = source;
    this.#chunks = chunks;
  }

  /** Opens the file; throws an InputError when it is not there, not a file, or empty. */
  static async open(source: TraceSource): Promise<TraceReader> {
    const chunks = await openChunks(source);
    return new TraceReader(source, chunks[Symbol.asyncIterator]());
  }

  get counts(): Readonly<ParserCounts> {
    return this.#parser.counts;
  }

  /** Gives the next accesses, or undefined after the last one. */
  async next(): Promise<AccessBatch | undefined> {
    this.#batch.firstStep += this.#batch.length;
    this.#batch.length = 0;
    try {
      while (!this.#hasChunk || !this.#parser.fill(this.#batch)) {
        const { done, value } = await this.#chunks.next();
        if (done) return this.#finish();
        this.#parser.push(value);
        this.#hasChunk = true;
      }
    } catch (error) {
      throw explained(error, this.#source.path);
    }
    return this.#batch;
  }

  /** Closes the file before its end. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #finish(): AccessBatch | undefined {
    if (this.#batch.length > 0) return this.#batch;
    const { accesses, foreignLines } = this.#parser.counts;
    if (accesses === 0 && foreignLines > 0) throw this.#parser.notATrace();
    if (accesses === 0) throw new InputError(`has no memory accesses; ${RECORD_HINT}`);
    if (!this.#source.allowTruncated) this.#checkWhole();
    return undefined;
  }

  #checkWhole(): void {
    const { unfinishedLine, hasHeader, hasFooter, line } = this.#parser;
    const advice = 'record it again, or use what there is with --allow-truncated';
    if (unfinishedLine !== '') {
      throw new InputError(`is truncated: it ends within line ${line + 1}; ${advice}`);
    }
    if (hasHeader && !hasFooter) {
      throw new InputError(`is truncated: Valgrind's closing lines are missing; ${advice}`);
    }
  }
}

async function openChunks({ path, onBytes }: TraceSource): Promise<Readable> {
  const isGzip = await looksLikeGzip(path);
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  if (onBytes) file.on('data', (bytes) => onBytes(Buffer.from(bytes)));
  if (!isGzip) return file;
  const unzipped = createGunzip({ chunkSize: CHUNK_BYTES });
  file.once('error', (error) => unzipped.destroy(error));
  unzipped.once('close', () => file.destroy());
  return file.pipe(unzipped);
}

async function looksLikeGzip(path: string): Promise<boolean> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    if (bytesRead === 0) throw new InputError(`is empty; ${RECORD_HINT}`);
    return bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b;
  } catch (error) {
    throw explained(error, path);
  } finally {
    await handle?.close();
  }
}

/** Puts the file's name in front, and says in words what Node says in codes. */
function explained(error: unknown, path: string): unknown {
  if (error instanceof InputError) {
    return error.message.startsWith(`${path}: `)
      ? error
      : new InputError(`${path}: ${error.message}`);
  }
  const reason = reasonOf(error);
  return reason === undefined ? error : new InputError(`${path}: ${reason}`);
}

function reasonOf(error: unknown): string | undefined {
  if (hasCode(error, 'ENOENT')) return 'there is no such file; give the path of a Lackey trace';
  if (hasCode(error, 'EISDIR')) return 'is a folder; give the path of a Lackey trace';
  if (hasCode(error, 'EACCES', 'EPERM')) return 'may not be read; check its permissions';
  if (hasCode(error, 'Z_BUF_ERROR'))
    return 'is truncated: the gzip data ends too early; copy it again';
  if (hasCode(error, 'Z_DATA_ERROR'))
    return `is damaged gzip data (${messageOf(error)}); copy it again`;
  return undefined;
}
