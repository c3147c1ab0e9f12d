/** Bytes as hex text, the form in which the tests write layouts down. */

/** Reads hex digits, two for each byte; blanks are for the reader. */
export const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) =>
    Number.parseInt(pair, 16),
  );

/** Writes bytes as hex digits without blanks. */
export const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
