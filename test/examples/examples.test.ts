/**
 * Runs every program of examples/ and compares what it prints, word for word. The first one is run
 * once more as its head says: by its path, with tsx.
 */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { root } from '../../tools/files.js';

const printed: Readonly<Record<string, string>> = {
  '01-first-fault.ts': `
guest/vcpu0 waits in a missing fault on a read at 0x7ffff7ff1345 of userfaultfd 0 of guest; \
UFFDIO_COPY, UFFDIO_ZEROPAGE or UFFDIO_MOVE of the page would resolve it
42
`,
  '02-dirty-tracker.ts': `
round  sent  header, buckets, log                                              dirty
    1    64  #######.#####.#.....#.#...#.....########........................     24
    2    24  ###+#++#++#++.#.#...+.+..#+.#...++++++++###.....................     13
    3    13  #+#+##+++++++.+.+...#.#..++.+...+++++++++++##...................      8
    4     8  #+#++#++#++++.+.+...+.+.#++.+...++++++++++++##..................      7
    5     7  #+++++#+++#+#.+.+...+.+.+++.+...+++++++++++++##.................      6
    6     6  #++#+++++++++.+.+...+.+.#++#+...++++++++++++++#.................      5
    7     5  #++++++++++++.#.+...+.+.+++++..#+++++++++++++++#................      4

# written while the others were sent   + written before   . never written
stopped, sent the last 4 pages: the copy is the same
`,
  '03-pager-with-remove.ts': `
pager  thread 102 faults on page 1
pager    page 1: from the snapshot
guest  page 1 reads 0xa1
pager  thread 102 faults on page 2
pager    page 2: from the snapshot
guest  page 2 reads 0xa2
guest  page 3 is touched, and pages 2 to 4 are given back before the pager gets to it
pager  thread 102 faults on page 3
pager    page 3: EAGAIN, an event of this userfaultfd is unread: the mapping changes
pager  pages 2 to 4 are being removed
pager    page 3: zeros
guest  page 3 reads 0x0
pager  thread 102 faults on page 2
pager    page 2: zeros
guest  page 2 reads 0x0
pager  thread 102 faults on page 5
pager    page 5: from the snapshot
guest  page 5 reads 0xa5
pager  ends: AbortError
`,
  '04-find-the-race.ts': `
lost wake-up after 14 steps (seed 4, run 4)
  main sleeps in join vcpu since step 2: waits for the end of vcpu (vcpu)
  vcpu sleeps in read since step 4: guest/vcpu waits in a missing fault on a read at 0x7ffff7ffc000 of userfaultfd 0 of guest; UFFDIO_COPY, UFFDIO_ZEROPAGE or UFFDIO_MOVE of the page would resolve it
    handler read its message at step 12; the page is there by now, but nobody woke the thread
    handler got EEXIST from UFFDIO_COPY at step 13 and woke nobody: EEXIST says that the page is there, UFFDIO_WAKE must follow
    handler could have; its last step was 14 (read)
    at 04-find-the-race.ts:37:58
  threads:  a main, b handler, c prefetcher, d vcpu
  replay:   UFFD_SCHEDULE=a2d4c4b4

with a wake after EEXIST: 2000 schedules, no failure
`,
  '05-trace.ts': `
the guest reads 7
 1  guest/main              enter    load8
 2  guest/main              fault    missing on a read at 0x7ffff7ffe000, userfaultfd 0 of guest
 3  guest/main              sleep    guest/main waits in a missing fault on a read at 0x7ffff7ffe000 of userfaultfd 0 of guest
 4  guest/main fd 0         enter    read
 5  userfaultfd 0 of guest  message  pagefault is read
 6  guest/main fd 0         exit     read = ok
 7  guest/main fd 0         enter    UFFDIO_COPY
 8  guest                   entry    install 0x7ffff7ffe000, frame 2
 9  guest/main fd 0         exit     UFFDIO_COPY = 4096
10  guest/main              wake     goes on
11  guest/main              resolve  fault at 0x7ffff7ffe000 is over
12  guest/main              exit     load8 = 0x7

sequenceDiagram
    participant p0 as guest/main
    participant p1 as userfaultfd 0 of guest
    participant p2 as guest/main fd 0
    p0->>p1: missing on a read at 0x7ffff7ffe000, userfaultfd 0 of guest
    p1->>p2: pagefault is read
    p2->>p1: UFFDIO_COPY = 4096
    p1-->>p0: fault at 0x7ffff7ffe000 is over
    p0->>p0: load8 = 0x7

`,
  '07-swap-like-entries.ts': `
registered for MISSING:
  9 is poisoned, 12 a guard            .........p..g...
  4 is read: its neighbours come too   FFFFFFFFFpFFgFFF
registered for WP:
  5 is read: one page at a time        .....F..........
  5 is protected                       .....W..........
  5 is dropped, a marker stays         .....w..........

at     0x205000
area   0x200000-0x210000 rw-s /memfd:ram (deleted), registered for WP
walk   PGD[0] > PUD[0] > PMD[1] > PTE[5]
entry  marker, uffd-wp
read   faults: the kernel maps the page of the file, protected as the marker says (the file has the page)
       goes through: the entry is readable
write  faults: the kernel maps the page of the file, protected as the marker says (the file has the page)
       faults: a wp message with flags 3 (the page is write-protected, and the area is registered for WP)

  4 is read: the marker stays          ....Fw..........
  5 is read: protected as before       ....FW..........
`,
  '08-swapin-errors.ts': `
the page held 42; swapoff could not read it

kernel    parent         child          what is left in the parent
5.15      reads 107      reads 107      present, anonymous page, frame 2, read-only, exclusive
5.19      BUS_ADRERR     BUS_ADRERR     swap error
6.2-rc1   BUS_ADRERR     reads 0        marker, poisoned
6.2       BUS_ADRERR     BUS_ADRERR     marker, poisoned
6.18      BUS_MCEERR_AR  BUS_MCEERR_AR  marker, poisoned

6.18, and nothing about protection cures the page:
  protected     marker, poisoned
  unprotected   marker, poisoned
  read-only     marker, poisoned
  filled again  present, anonymous page, frame 2, read-only, dirty, accessed, exclusive, reads 42
`,
  '09-marker-bits.ts': `
                   uffd-wp   poisoned  guard
nothing            uffd-wp   poisoned  guard
WP on              uffd-wp   poisoned  guard
WP off             none      poisoned  guard
UNREGISTER         none      poisoned  guard
MADV_GUARD_REMOVE  uffd-wp   poisoned  none
MADV_DONTNEED      uffd-wp   none      guard
hole in the file   uffd-wp   poisoned  guard
fork: the child    none      poisoned  guard
mremap: new place  none      poisoned  guard
COPY               present   present   present

who touches the page:
uffd-wp
  write  faults: a missing message with flags 1 (no page is there, registered for MISSING)
poisoned
  write  SIGBUS, BUS_MCEERR_AR: the page is poisoned
guard
  write  SIGSEGV, SEGV_MAPERR: a guard is installed there
`,
  '10-migration-entries.ts': `

before
  written    present   frame A, writable, exclusive
  protected  present   frame B, read-only, exclusive, uffd-wp
  shared     present   frame C, read-only, shared
  mprotect   present   frame D, writable, exclusive

4 pages are being moved
  written    migration frame A, writable, exclusive
  protected  migration frame B, read-only, exclusive, uffd-wp
  shared     migration frame C, read-only, shared
  mprotect   migration frame D, writable, exclusive

vcpu0 stores and is blocked; the handler has nothing
mprotect took write permission from the last page and gave it back

moved; vcpu0 is idle
  written    present   frame E, writable, exclusive
  protected  present   frame F, read-only, exclusive, uffd-wp
  shared     present   frame G, read-only, shared
  mprotect   present   frame H, read-only, exclusive

vcpu1 stores to the protected page: a pagefault, and it sleeps
the child still reads 3
`,
  '11-protection-without-a-page.ts': `
the page was protected; its entry then          read again              and the first store
nothing                 present, uffd-wp        7, present, uffd-wp     pagefault
reclaim                 marker uffd-wp          7, present, uffd-wp     pagefault
MADV_PAGEOUT            marker uffd-wp          7, present, uffd-wp     pagefault
MADV_DONTNEED           marker uffd-wp          7, present, uffd-wp     pagefault
hole in the file        marker uffd-wp          0, present, uffd-wp     pagefault
ftruncate, grown again  marker uffd-wp          0, present, uffd-wp     pagefault
moved to another frame  present, uffd-wp        7, present, uffd-wp     pagefault
WP off, DONTNEED        none                    7, present              silent
munmap, mapped again    none                    7, present              silent
`,
};

afterEach(() => {
  vi.restoreAllMocks();
});

test('every program of examples/ has an expected output', () => {
  const programs = readdirSync(join(root, 'examples')).filter((file) => !/\.test\.ts$/.test(file));
  expect(programs.sort()).toEqual(Object.keys(printed));
});

test.each(Object.entries(printed))(
  'examples/%s prints what it is said to print',
  { timeout: 30_000 },
  async (file, expected) => {
    const lines: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
    await import(/* @vite-ignore */ join(root, 'examples', file));
    expect(`\n${lines.join('\n')}\n`).toBe(expected);
  },
);

test('the first example runs by its path', { timeout: 30_000 }, async () => {
  const tsx = join(root, 'node_modules', '.bin', 'tsx');
  const run = promisify(execFile)(tsx, ['examples/01-first-fault.ts'], { cwd: root });
  expect(`\n${(await run).stdout}`).toBe(printed['01-first-fault.ts']);
});
