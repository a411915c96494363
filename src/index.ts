/// <reference lib="esnext.disposable" preserve="true" />
// The public door of the library: everything that users may rely on, and nothing else. What is disposable
// says so in its type, also to a compiler that is set to an older library.

export { open } from './database/public.ts'
export { verify } from './database/verify/directory.ts'
export { dump } from './database/dump/dump.ts'
export type { DumpOptions } from './database/dump/dump.ts'
export type { DumpEntry, DumpValue } from './database/dump/entry.ts'
export { Database } from './database/database.ts'
export type { GcOptions } from './database/database.ts'
export { Channels } from './database/channels.ts'
export { Snapshot } from './database/snapshot.ts'
export { Writer } from './database/open-writer.ts'
export type { WriterOptions } from './database/open-writer.ts'
export type { FramesOptions, LatestOptions, ReadOptions } from './database/reads.ts'
export type { Names, NamesOf } from './database/arguments.ts'
export type { Durability, OpenOptions } from './database/options.ts'
export type { DeleteResult } from './database/delete.ts'
export type { GcProgress, GcReport } from './database/collection/gc-report.ts'
export type { RecoveryReport } from './database/opening/believe.ts'
export type { Stats } from './database/stats.ts'
export type { ReaderStats } from './database/reader-stats.ts'
export type { Problem, VerifyOptions, VerifyProgress, VerifyReport } from './database/verify/report.ts'
export { repair } from './database/repair/repair.ts'
export type { RepairOptions, RepairProgress } from './database/repair/repair.ts'
export type { LostRange, RepairedChannel, RepairReport, Untold } from './database/repair/report.ts'
export { channel } from './telem/channel.ts'
export type {
  Channel,
  ChannelBuilders,
  ChannelDefinition,
  Concurrency,
  DataDefinition,
  DataEntry,
  DataOptions,
  IndexDefinition,
  IndexEntry,
  IndexOptions,
} from './telem/channel.ts'
export type {
  ChannelNames,
  ElementOf,
  FrameInput,
  SampleInput,
  Schema,
  SchemaEntry,
  TypesOf,
} from './channel/schema.ts'
export { now } from './clock.ts'
export {
  days,
  hours,
  micros,
  millis,
  minutes,
  nanos,
  seconds,
  span,
  timestamp,
  toDate,
  toISO,
} from './telem/timestamp.ts'
export type { SpanLike, TimeLike, TimeSpan, TimeStamp } from './telem/timestamp.ts'
export type { RangeLike, TimeRange } from './telem/time-range.ts'
export type { DataType, NumericArray, SampleOf, TypedArrayOf, TypedArrays } from './telem/data-type.ts'
export { Frame } from './telem/frame.ts'
export type { FrameRow } from './telem/frame.ts'
export { Series } from './telem/series.ts'
export type { JsonValue, Metadata } from './telem/metadata.ts'
export {
  ChannelExistsError,
  ChannelMismatchError,
  ChannelNotFoundError,
  ClosedError,
  CorruptionError,
  DatabaseLockedError,
  DependentChannelError,
  DependentDataError,
  LeaseLostError,
  LockOrderError,
  LockTimeoutError,
  NotADatabaseError,
  ReadOnlyError,
  ResourceOpenError,
  RubidiumError,
  SnapshotExpiredError,
  StorageError,
  UnsupportedVersionError,
  ValidationError,
  WriteConflictError,
} from './errors.ts'
export type { ErrorRange } from './errors.ts'
