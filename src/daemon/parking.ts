/** Arms that were left stiff, brought to rest or let go. */
import type { Rig } from '../config/rig.js';
import { AlohadError } from '../contract/errors.js';
import { openWorkcell } from './backends.js';
import { sessionOf, withWorkcell } from './withWorkcell.js';

/**
 * Slowly to the rest pose, then torque off; `limp`: torque off where they are, as a person holds them.
 * Throws RigError, ArmError; AlohadError when they could not be parked and stay stiff.
 */
export async function park(rig: Rig, limp: boolean, say: (text: string) => void): Promise<void> {
  if (!limp) {
    let stiff = false;
    await withWorkcell(
      {
        rig,
        pace: 'realtime',
        say: (text) => {
          stiff = true;
          say(text);
        },
      },
      async () => {},
    );
    if (stiff) throw new AlohadError('the arms are not parked');
    return;
  }
  const cell = await openWorkcell(rig);
  const session = sessionOf(cell, { rig, pace: 'realtime', say });
  try {
    await session.connect();
    // Arms that are taken over can be let go; what is not known to be stiff is left as it is.
    await session.activate();
  } finally {
    await session.release(true);
    await cell.close();
  }
}
