/** What the exporters write: the same run in columns, JSON lines, Mermaid and Chrome's format. */
import {
  type ChromeEvent,
  chromeTrace,
  Machine,
  type TraceEvent,
  TraceRecording,
  traceColumns,
  traceJsonLines,
  traceMermaid,
} from 'uffd-emulator';
import { describe, expect, test } from 'vitest';

const PAGE = 4096;

/** Two threads fault, a pager in another process serves one; the other still sleeps at the end. */
async function run(): Promise<TraceEvent[]> {
  const machine = new Machine();
  const guest = machine.spawn({ name: 'guest' });
  const pager = machine.spawn({ name: 'pager' });
  const { main } = guest;
  const addr = main.mmapSync({ length: 2 * PAGE, prot: 3, flags: 0x22 });
  const own = main.userfaultfdSync();
  const uffd = pager.receive(own);
  const { events } = new TraceRecording(machine.trace);
  uffd.apiSync();
  uffd.registerSync({ start: addr, len: 2 * PAGE, mode: 1 });
  const access = main.load8(addr);
  const stuck = guest.createThread('vcpu').store8(addr + PAGE, 1);
  stuck.catch(() => {});
  const message = await uffd.readMsg();
  if (message.event === 'pagefault') await message.copy(new Uint8Array(PAGE));
  await access;
  return [...events];
}

test('columns have one aligned line for each event', async () => {
  const lines = traceColumns(await run()).split('\n');
  expect(lines.slice(4, 9)).toEqual([
    ' 5  guest/main              enter    load8',
    ' 6  guest/main              fault    missing on a read at 0x7ffff7ffd000, userfaultfd 0 of guest',
    ' 7  guest/main              sleep    guest/main waits in a missing fault on a read at ' +
      '0x7ffff7ffd000 of userfaultfd 0 of guest',
    ' 8  guest/vcpu              enter    store8',
    ' 9  guest/vcpu              fault    missing on a write at 0x7ffff7ffe000, ' +
      'userfaultfd 0 of guest',
  ]);
  expect(lines.at(-1)).toBe('');
  expect(traceColumns([])).toBe('');
});

test('JSON lines read back as the events', async () => {
  const events = await run();
  const lines = traceJsonLines(events).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
    events.map((event) => JSON.parse(JSON.stringify(event)) as unknown),
  );
});

test('Mermaid has a participant for each side and an arrow for each step of a fault', async () => {
  expect(traceMermaid(await run())).toBe(`sequenceDiagram
    participant p0 as pager/main fd 0
    participant p1 as userfaultfd 0 of guest
    participant p2 as guest/main
    participant p3 as guest/vcpu
    p0->>p1: UFFDIO_API = ok
    p0->>p1: UFFDIO_REGISTER = 316
    p2->>p1: missing on a read at 0x7ffff7ffd000, userfaultfd 0 of guest
    p3->>p1: missing on a write at 0x7ffff7ffe000, userfaultfd 0 of guest
    p1->>p0: pagefault is read
    p0->>p1: UFFDIO_COPY = 4096
    p1-->>p2: fault at 0x7ffff7ffd000 is over
    p2->>p2: load8 = 0x0
`);
});

const track = ({ pid, tid }: ChromeEvent): string => `${pid}/${tid}`;

describe('a Chrome trace', () => {
  test('has the fields that the Trace Event Format demands of each phase', async () => {
    const { traceEvents, displayTimeUnit } = chromeTrace(await run());
    expect(displayTimeUnit).toBe('ms');
    for (const event of traceEvents) {
      expect(typeof event.name).toBe('string');
      for (const number of [event.ts, event.pid, event.tid]) expect(number).toBeTypeOf('number');
      if (event.ph === 'M') {
        expect(['process_name', 'thread_name']).toContain(event.name);
        expect(event.args?.['name']).toBeTypeOf('string');
      } else expect(event.cat).toBeTypeOf('string');
      if ('best'.includes(event.ph) && event.ph !== 'E') expect(event.id).toBeTypeOf('number');
      expect(event.s).toBe(event.ph === 'i' ? 't' : undefined);
    }
    expect(JSON.parse(JSON.stringify({ traceEvents }))).toEqual({ traceEvents });
  });

  test('names every track and goes forward in time', async () => {
    const { traceEvents } = chromeTrace(await run());
    const named = traceEvents.filter(({ name }) => name === 'thread_name').map(track);
    const records = traceEvents.filter(({ ph }) => ph !== 'M');
    for (const record of records) expect(named).toContain(track(record));
    const times = records.map(({ ts }) => ts);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('nests slices of a thread, and ends every slice, also of who sleeps at the end', async () => {
    const { traceEvents } = chromeTrace(await run());
    const open = new Map<string, string[]>();
    for (const event of traceEvents) {
      if (!'BEbe'.includes(event.ph)) continue;
      const key = event.id === undefined ? track(event) : `${event.cat} ${event.id}`;
      const stack = open.get(key) ?? [];
      open.set(key, stack);
      if (event.ph === 'B' || event.ph === 'b') stack.push(event.name);
      else expect(stack.pop()).toBe(event.name);
    }
    expect([...open.values()].flat()).toEqual([]);
  });

  test('joins a fault, its message and its end by a flow', async () => {
    const { traceEvents } = chromeTrace(await run());
    const flows = traceEvents.filter(({ ph }) => 'stf'.includes(ph));
    const of = (id: number | undefined) =>
      flows.filter((flow) => flow.id === id).map(({ ph }) => ph);
    expect(of(flows[0]?.id).join('')).toBe('stf');
    expect(of(flows[1]?.id).join('')).toBe('s'); // nobody read the second one
  });
});
