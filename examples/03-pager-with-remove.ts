/**
 * An on-demand pager that hears of removed memory. The guest's pages come from a snapshot, one by
 * one as they are touched; what the guest gives back with MADV_DONTNEED must read as zeros from
 * then on, not as the snapshot. While a REMOVE event is unread every fill answers EAGAIN, so a
 * pager that forgets the fault it was about to resolve leaves a thread asleep for good.
 * Run it with `npx tsx examples/03-pager-with-remove.ts`.
 */
import * as linux from 'uffd-emulator';

const PAGE = 4096;
const PAGES = 8;

const machine = new linux.Machine();
const guest = machine.spawn({ name: 'guest' });
const vmm = machine.spawn({ name: 'vmm' });

const start = guest.main.mmapSync({
  length: PAGES * PAGE,
  prot: linux.PROT_READ | linux.PROT_WRITE,
  flags: linux.MAP_PRIVATE | linux.MAP_ANONYMOUS,
});
const own = guest.main.userfaultfdSync(linux.O_CLOEXEC | linux.O_NONBLOCK);
own.apiSync({ features: linux.UFFD_FEATURE_EVENT_REMOVE | linux.UFFD_FEATURE_THREAD_ID });
own.registerSync({ start, len: PAGES * PAGE, mode: linux.UFFDIO_REGISTER_MODE_MISSING });
const uffd = vmm.receive(own); // as over a Unix socket: its ioctls act on the guest
own.close();

const pageOf = (address: number): number => (address - start) / PAGE;
const say = (who: string, what: string): void => console.log(`${who.padEnd(6)} ${what}`);

const removed = new Set<number>();

/** Fills a page; false when the fault must be tried again. */
function resolve(fault: linux.PageFault): boolean {
  const page = pageOf(fault.page);
  try {
    if (removed.has(page)) fault.zeropageSync();
    else fault.copySync(new Uint8Array(PAGE).fill(0xa0 + page)); // the snapshot's page
    say('pager', `  page ${page}: ${removed.has(page) ? 'zeros' : 'from the snapshot'}`);
    return true;
  } catch (error) {
    if (!(error instanceof linux.KernelError)) throw error;
    say('pager', `  page ${page}: ${error.code}, ${error.detail}`);
    if (error.code === 'EAGAIN') return false;
    if (error.code !== 'EEXIST') throw error;
    fault.wakeSync(); // somebody was faster: nobody else will wake the thread
    return true;
  }
}

/** Serves the guest until `signal` aborts. */
async function pager(signal: AbortSignal): Promise<void> {
  let unresolved: linux.PageFault[] = [];
  while (!signal.aborted) {
    // With a fault in hand the pager does not sleep: it looks whether there is more to read.
    const sleeps = unresolved.length === 0;
    const message = sleeps ? await uffd.readMsg({ signal }) : uffd.readMsgSync();
    if (message?.event === 'pagefault') {
      say('pager', `thread ${message.ptid} faults on page ${pageOf(message.page)}`);
      unresolved.push(message);
    } else if (message?.event === 'remove') {
      const [first, end] = [pageOf(message.start), pageOf(message.end)];
      say('pager', `pages ${first} to ${end - 1} are being removed`);
      for (let page = first; page < end; page++) removed.add(page);
    }
    unresolved = unresolved.filter((fault) => !resolve(fault));
  }
}

const [vcpu0, vcpu1] = [guest.createThread('vcpu0'), guest.createThread('vcpu1')];
async function show(page: number): Promise<void> {
  const value = await vcpu0.load8(start + page * PAGE);
  say('guest', `page ${page} reads 0x${value.toString(16)}`);
}

const done = new AbortController();
const served = pager(done.signal);

await show(1);
await show(2);

say('guest', 'page 3 is touched, and pages 2 to 4 are given back before the pager gets to it');
const touch = show(3);
await vcpu1.madvise({ addr: start + 2 * PAGE, length: 3 * PAGE, advice: linux.MADV_DONTNEED });
await touch;

await show(2); // was in memory, was removed
await show(5); // was never touched

done.abort();
await served.catch((reason) => say('pager', `ends: ${reason.name}`));
