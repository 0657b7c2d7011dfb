/** The modes there are to choose from, and when moves are taken. */
import type { Rig } from '../../config/rig.js';
import { UnavailableError } from '../../contract/apiErrors.js';
import { DAEMON_MODES, type Choice, type DaemonMode, type DaemonState } from '../../contract/apiState.js';
import { lacksArms } from '../servoWorkcell.js';

/** Every mode, and why one cannot be entered with this rig. */
export function modeChoices(rig: Rig): Choice<DaemonMode>[] {
  const unavailable = lacksArms(rig, 'leader');
  return DAEMON_MODES.map((name) => ({
    name,
    ...(name === 'teleop' && unavailable !== undefined && { unavailable }),
  }));
}

/** Throws UnavailableError unless there is an episode of which something can be said. */
export function requireEpisode({ mode, changing }: Pick<DaemonState, 'mode' | 'changing'>): void {
  if (['record', 'trial', 'replay'].includes(mode) && !changing) return;
  throw new UnavailableError(`no episode is in progress: the daemon is in mode ${mode}`);
}

/** Throws UnavailableError unless the arms take moves. */
export function requireRemote({ mode, changing }: Pick<DaemonState, 'mode' | 'changing'>): void {
  if (mode === 'remote' && !changing) return;
  throw new UnavailableError(
    `the arms take moves in mode remote, and the daemon is in mode ${mode}: change to remote first`,
  );
}
