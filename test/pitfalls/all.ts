/** The programs of this folder, in the order of their numbers. */
import { staleAfterRemove } from './01-stale-after-remove.js';
import { eagainSpin } from './02-eagain-spin.js';
import { shortCopy } from './03-short-copy.js';
import { eexistNoWake } from './04-eexist-no-wake.js';
import { dontwakeForgotten } from './05-dontwake-forgotten.js';
import { handlerFaults } from './06-handler-faults.js';
import { munmapUnderLock } from './07-munmap-under-lock.js';
import { wpUnpopulated } from './08-wp-unpopulated.js';
import { installThenArm } from './09-install-then-arm.js';
import { writtenOutside } from './10-written-outside.js';
import { forkUnserved } from './11-fork-unserved.js';
import { handlerDies } from './12-handler-dies.js';
import { blockingPoll } from './13-blocking-poll.js';
import { userModeOnly } from './14-user-mode-only.js';
import { secondHandshake } from './15-second-handshake.js';
import { removeUnaligned } from './16-remove-unaligned.js';
import { hugePageNeighbours } from './17-huge-page-neighbours.js';
import { accessBeforeRegister } from './18-access-before-register.js';
import { unregisterWpWaiters } from './19-unregister-wp-waiters.js';
import { deferredFault } from './20-deferred-fault.js';
import { oneKey } from './21-one-key.js';
import { collectThenArm } from './22-collect-then-arm.js';
import type { Pitfall } from './kit.js';

export const PITFALLS: readonly Pitfall[] = [
  staleAfterRemove,
  eagainSpin,
  shortCopy,
  eexistNoWake,
  dontwakeForgotten,
  handlerFaults,
  munmapUnderLock,
  wpUnpopulated,
  installThenArm,
  writtenOutside,
  forkUnserved,
  handlerDies,
  blockingPoll,
  userModeOnly,
  secondHandshake,
  removeUnaligned,
  hugePageNeighbours,
  accessBeforeRegister,
  unregisterWpWaiters,
  deferredFault,
  oneKey,
  collectThenArm,
];
