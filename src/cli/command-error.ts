// What a person did wrong on the command line, said in one line. Thrown by the commands; printed by
// `main`, which exits with 1.

/** A mistake of the person who called, or something outside that is not as the command needs it. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}
