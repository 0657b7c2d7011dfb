/** What a look at a rig found, before anything moves. */

/** `skip`: could not be looked at, and that is no fault. */
export type Grade = 'ok' | 'warn' | 'fail' | 'skip';

export interface Finding {
  /** `machine`, a bus's name, a camera's name. */
  readonly subject: string;
  /** `port`, `shoulder`, `disk`. */
  readonly what: string;
  readonly grade: Grade;
  /** What was seen, for people. */
  readonly found: string;
  /** What to do about it; always there when it is a warning or a failure. */
  readonly fix?: string;
}

export const finding = (
  subject: string,
  what: string,
  grade: Grade,
  found: string,
  fix?: string,
): Finding => ({ subject, what, grade, found, ...(fix !== undefined && { fix }) });
