/**
 * uffd-emulator: the kernel side of Linux userfaultfd as a deterministic library.
 * Re-exports only. What is not here is internal.
 *
 * @module
 */

export type { U64 } from './base/args.js';
export { AssertionError } from './base/assert.js';
export type { ErrnoName } from './base/errno.js';
export { KernelHangError } from './base/kernel-hang.js';
export { NotModelledError } from './base/not-modelled.js';
export {
  type EntryChange,
  Trace,
  type TraceChannels,
  type TraceEnter,
  type TraceEntry,
  type TraceEvent,
  type TraceEventOf,
  type TraceExit,
  type TraceFault,
  type TraceKind,
  type TraceMessage,
  type TraceResolve,
  type TraceSleep,
  type TraceWake,
} from './base/trace.js';
export { FaultLivelockError } from './fault/access.js';
export type { SignalCode, SignalName } from './fault/outcome.js';
export { History, type HistoryOptions } from './history/history.js';
export { RestoredError } from './machine/era.js';
export {
  FaultPendingError,
  KernelError,
  PendingError,
  ProcessEndedError,
  SignalError,
  ThreadBusyError,
} from './machine/errors.js';
export type {
  FallocateRequest,
  PipeFds,
  PreadRequest,
  PwriteRequest,
  RemoteRequest,
  RemoteWriteRequest,
  TransferRequest,
  TruncateRequest,
} from './machine/file-calls.js';
export { FileThread } from './machine/file-thread.js';
export type { HugepageCounts, HugepageUse } from './machine/hugepages.js';
export { Ksm } from './machine/ksm.js';
export { Machine, type MachineOptions, type SpawnOptions } from './machine/machine.js';
export type {
  AddressRange,
  MadviseRequest,
  MmapRequest,
  MovePagesRequest,
  MprotectRequest,
  MremapRequest,
  MsyncRequest,
} from './machine/memory-calls.js';
export { MemoryThread } from './machine/memory-thread.js';
export { type MigrateRequest, Migration } from './machine/migration.js';
export { PageFault } from './machine/page-fault.js';
export { Process } from './machine/process.js';
export type { WaitOptions } from './machine/runner.js';
export type { ScanRequest, ScanResult } from './machine/scan.js';
export { PageServer, type PageSource } from './machine/serve.js';
export { Snapshot, SnapshotError } from './machine/snapshot.js';
export { SwapDevice, type SwapOptions } from './machine/swap-device.js';
export { Thread } from './machine/thread.js';
export { ThreadCore, type ThreadState } from './machine/thread-core.js';
export type {
  ApiRequest,
  CopyRequest,
  FillRange,
  MoveRequest,
  SetModeRequest,
  UffdRange,
  UffdRangeMode,
} from './machine/uffd-calls.js';
export { type ApiResult, type RegisterResult, UffdIoctls } from './machine/uffd-ioctls.js';
export {
  type ForkMessage,
  type UffdEvents,
  type UffdMessage,
  Userfaultfd,
} from './machine/userfaultfd.js';
export type { CapabilityName } from './mm/caller.js';
export type { FaultCounts } from './mm/fault-counts.js';
export type { ThpPolicy } from './mm/memory.js';
export type { UffdReason } from './mm/uffd-port.js';
export type {
  AccessStep,
  HitStep,
  MessageStep,
  ResolvedStep,
  SignalStep,
  WaitStep,
} from './observe/access-step.js';
export type {
  EntryView,
  HwpoisonView,
  MappedPage,
  MarkerName,
  MarkerView,
  MigrationView,
  PlainView,
  PresentView,
  SwapView,
} from './observe/entry-view.js';
export type { Explanation, WalkLevel } from './observe/explanation.js';
export type { MapsEntry } from './observe/maps.js';
export type { ScanRegion } from './observe/scan-output.js';
export type { SmapsEntry } from './observe/smaps.js';
export type { Capability, KernelVersion } from './profile/matrix.js';
export { KERNELS } from './profile/matrix.js';
export type { KernelConfig, Quirks } from './profile/profile.js';
export { runScenario, type ScenarioOptions, type ScenarioResult } from './scenario/run.js';
export { LivelockError } from './sched/scheduler.js';
export { NeverYieldsError, ScheduleError, type ScheduleTrouble } from './sim/errors.js';
export {
  type ExploreOptions,
  type ExploreResult,
  explore,
  replay,
  type StrategyName,
} from './sim/explore.js';
export type { FaultName } from './sim/faults.js';
export type { FaultOptions } from './sim/injector.js';
export type { Body } from './sim/run.js';
export { ScheduleMismatchError } from './sim/schedule.js';
export { Sim, SimTask, type SpawnThreadOptions } from './sim/sim.js';
export { Channel, Condition, LockError, Mutex } from './sim/sync.js';
export type { MovePagesResult } from './syscall/move-pages.js';
export { type ChromeEvent, type ChromeTrace, chromeTrace } from './trace/chrome.js';
export { traceColumns } from './trace/columns.js';
export { traceJsonLines } from './trace/json-lines.js';
export { traceMermaid } from './trace/mermaid.js';
export { TraceRecording } from './trace/record.js';
export * from './uapi/fcntl.js';
export * from './uapi/features.js';
export * from './uapi/ioctl.js';
export * from './uapi/mempolicy.js';
export * from './uapi/mman.js';
export * from './uapi/msg.js';
export * from './uapi/names.js';
export * from './uapi/pagemap.js';
export * from './uapi/poll.js';
export * from './uapi/siginfo.js';
export * from './uapi/struct.js';
export * from './uapi/structs.js';
export * from './uapi/u64.js';
export * from './uapi/userfaultfd.js';
export type { Fdinfo } from './uffd/fdinfo.js';
export { describePage, isWriteProtected, type PageState, pageStateOf } from './watch/page-state.js';
export {
  type PageOrigin,
  PageWatch,
  type SilentPage,
  type StalePage,
  watchPages,
} from './watch/page-watch.js';
export { inFlight, type StrandedWaiter, strandedWaiters } from './watch/waiters.js';
export { WriteWatch, type WriteWay, type WrittenPage, watchWrites } from './watch/write-watch.js';
