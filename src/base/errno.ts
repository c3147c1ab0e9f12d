/**
 * Errno numbers of Linux and the value a kernel operation answers when it fails.
 * A `Failure` carries the sentence that says which check failed; it is a value, not an exception.
 */

const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  EHWPOISON: 133,
} as const;

/** Symbolic name of an errno, as `error.code` carries it. */
export type ErrnoName = keyof typeof ERRNO;

/** Number of a named errno. */
export const errnoOf = (name: ErrnoName): number => ERRNO[name];

const NAMES = new Map<number, ErrnoName>(
  Object.entries(ERRNO).map(([name, value]) => [value, name as ErrnoName]),
);

/** Kernel name of an errno number, or `undefined` when the emulator never answers it. */
export const errnoName = (errno: number): ErrnoName | undefined => NAMES.get(errno);

/** Whether a text names an errno. */
export const isErrnoName = (name: string): name is ErrnoName => Object.hasOwn(ERRNO, name);

/** What a kernel operation answers instead of a value. */
export class Failure {
  constructor(
    readonly code: ErrnoName,
    /** Which check failed, as a sentence without a capital or a full stop. */
    readonly detail: string,
  ) {}

  get errno(): number {
    return ERRNO[this.code];
  }
}

/** A value, or the errno that a system call would give. */
export type Result<T> = T | Failure;

/** Builds the failure of one check. */
export const fail = (code: ErrnoName, detail: string): Failure => new Failure(code, detail);

/** Whether an operation failed. */
export const failed = <T>(result: T | Failure): result is Failure => result instanceof Failure;
