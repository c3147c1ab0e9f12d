/**
 * The encoding of ioctl request numbers: direction, size of the argument, type byte, index.
 * Owns only the arithmetic; which requests exist is said by userfaultfd.ts and pagemap.ts. The
 * direction is seen from user space: 'read' is a kernel that writes the argument. Answers to
 * `_IO`, `_IOR`, `_IOW` and `_IOWR` of asm-generic/ioctl.h and to ioctl(2).
 */

const NR_BITS = 8;
const TYPE_BITS = 8;
const SIZE_BITS = 14;
const TYPE_SHIFT = NR_BITS;
const SIZE_SHIFT = TYPE_SHIFT + TYPE_BITS;
const DIRECTION_SHIFT = SIZE_SHIFT + SIZE_BITS;

/** Who moves the argument of an ioctl: 'write' hands it to the kernel, 'read' gets it back. */
export type IoctlDirection = 'none' | 'write' | 'read' | 'readwrite';

/** The four parts of an ioctl request number. */
export interface IoctlParts {
  /** `_IO` is 'none', `_IOW` 'write', `_IOR` 'read', `_IOWR` 'readwrite'. */
  readonly direction: IoctlDirection;
  /** Type byte, the driver's: 0xAA for userfaultfd. */
  readonly type: number;
  /** Index of the command within the type, 0 to 255. */
  readonly nr: number;
  /** Size of the argument, 0 to 16383 bytes. */
  readonly sizeBytes: number;
}

const DIRECTIONS: readonly IoctlDirection[] = ['none', 'write', 'read', 'readwrite'];

/** Composes an ioctl request number, unsigned, as `_IOC` does. */
export function encodeIoctl({ direction, type, nr, sizeBytes }: IoctlParts): number {
  const head = (DIRECTIONS.indexOf(direction) << DIRECTION_SHIFT) | (sizeBytes << SIZE_SHIFT);
  return (head | (type << TYPE_SHIFT) | nr) >>> 0;
}

/** Takes an ioctl request number apart; a negative number is read as its 32 bits. */
export function decodeIoctl(request: number): IoctlParts {
  const bits = (shift: number, width: number): number => (request >>> shift) & ((1 << width) - 1);
  return {
    direction: DIRECTIONS[bits(DIRECTION_SHIFT, 2)] ?? 'none',
    type: bits(TYPE_SHIFT, TYPE_BITS),
    nr: bits(0, NR_BITS),
    sizeBytes: bits(SIZE_SHIFT, SIZE_BITS),
  };
}
