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
lost wake-up after 14 steps (seed 1, run 1)
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
};

afterEach(() => {
  vi.restoreAllMocks();
});

test('every program of examples/ has an expected output', () => {
  expect(readdirSync(join(root, 'examples')).sort()).toEqual(Object.keys(printed));
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
