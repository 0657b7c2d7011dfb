/**
 * Errors a user may meet. Each is a named class whose message holds the values and says what to do next.
 * The command line prints the message alone; a stack is shown only for errors that are not of this kind.
 */

/** Exit codes of the command line. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export class AlohadError extends Error {
  /** Exit code of the process when this error ends it. */
  readonly exitCode: number = EXIT.failed;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Bad arguments, bad rig file, unknown names: the user's input is wrong. */
export class UsageError extends AlohadError {
  override readonly exitCode: number = EXIT.usage;
}

export class UnknownTaskError extends UsageError {}
export class UnknownCameraError extends UsageError {}
export class RigError extends UsageError {}
export class SceneError extends UsageError {}
/** Two results that were not got on the same start poses cannot be paired. */
export class PoseMismatchError extends UsageError {}
/** The TEST poses were asked for without saying why: they are opened once per claim. */
export class ClosedPoolError extends UsageError {}
/** A checkpoint folder is missing, incomplete, corrupt or of another robot. */
export class CheckpointError extends AlohadError {}
/** The policy wants other cameras or sizes than the robot gives. */
export class CameraMismatchError extends AlohadError {}
/** A camera that is needed gives no picture that can be trusted. The arms hold. */
export class CameraFaultError extends AlohadError {}
/** A NaN or infinite number was about to reach a motor. The arms hold. */
export class UnsafeActionError extends AlohadError {}
/** An episode file is torn, truncated or not an episode. */
export class EpisodeError extends AlohadError {}
/** Nothing more can be written: disk full, no permission. What was finished before is whole. */
export class StorageError extends AlohadError {}
/** There is no space on the disk: the same may succeed later. */
export class DiskFullError extends StorageError {}
/** Ctrl-C: everything was brought to a safe stop. */
export class Interrupted extends AlohadError {
  override readonly exitCode: number = EXIT.interrupted;
}
