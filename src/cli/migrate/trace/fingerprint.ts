/**
 * The SHA-256 of a trace file as it is on disk, by which two sides know that they play the same
 * trace. Reads in pieces; says what to do when the file cannot be read.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { hasCode, InputError } from '../../exit.js';

/** The SHA-256 of a file in hexadecimal digits. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EACCES', 'EISDIR')) throw error;
    throw new InputError(`${path}: cannot be read; give the destination the same trace`);
  }
  return hash.digest('hex');
}
