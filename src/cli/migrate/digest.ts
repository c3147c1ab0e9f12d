/**
 * SHA-256 of a guest's memory: of all of it, and of each page. Reads through the VMM's thread, as
 * any reader of guest memory does; a page that was never touched counts as zeros.
 */
import { createHash } from 'node:crypto';
import type { Guest } from './guest/guest.js';

/** Bytes of one digest. */
export const DIGEST_BYTES = 32;

/** The digest of the whole memory, page after page, in hexadecimal digits. */
export function memoryDigest(guest: Guest): string {
  const hash = createHash('sha256');
  for (const page of guest.layout.indexes()) hash.update(guest.readPage(page));
  return hash.digest('hex');
}

/** The digests of all pages, one after the other. */
export function pageDigests(guest: Guest): Buffer {
  const digests = Buffer.alloc(guest.layout.pages * DIGEST_BYTES);
  for (const page of guest.layout.indexes()) {
    const digest = createHash('sha256').update(guest.readPage(page)).digest();
    digest.copy(digests, page * DIGEST_BYTES);
  }
  return digests;
}

/** The numbers of the pages whose digests differ. */
export function differingPages(ours: Buffer, theirs: Buffer): number[] {
  const pages: number[] = [];
  const count = Math.max(ours.length, theirs.length) / DIGEST_BYTES;
  for (let page = 0; page < count; page++) {
    const start = page * DIGEST_BYTES;
    const end = start + DIGEST_BYTES;
    if (!ours.subarray(start, end).equals(theirs.subarray(start, end))) pages.push(page);
  }
  return pages;
}
