// The operations of the file-system port by name, as the simulated file systems count, trace and fail
// them. One name covers the synchronous and the asynchronous form. Used by tests only.

/** What a call asks of the file system; `create` is an open that makes the file. */
export type OperationKind =
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'truncate'
  | 'punch'
  | 'size'
  | 'sync'
  | 'close'
  | 'list'
  | 'stat'
  | 'realPath'
  | 'makeDirectory'
  | 'link'
  | 'remove'
  | 'removeDirectory'
  | 'syncDirectory'
