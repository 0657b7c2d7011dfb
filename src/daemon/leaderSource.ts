/** Teleoperation as a source of actions: the rig's leaders, which a person moves, with the ritual before each episode. */
import type { Rig } from '../config/rig.js';
import type { StopSignal } from '../realtime/clock.js';
import type { ControlSession } from '../control/session.js';
import { handsClosed, parkLeaders, readyLeaders, START_POSE } from '../control/startRitual.js';
import { Teleoperation } from '../control/teleoperation.js';
import { AlohaRobot } from '../hardware/alohaRobot.js';
import { armsOf } from './servoWorkcell.js';
import type { Source } from './sources.js';
import { clockOf } from './withWorkcell.js';

const NEVER: StopSignal = { aborted: false };

/** Throws RigError when the rig has no leaders, ArmError when they cannot be opened. */
export async function leaderSource(rig: Rig, say: (text: string) => void): Promise<Source> {
  const backend = rig.backend === 'real' ? 'real' : 'emulated';
  const leaders = new AlohaRobot({ backend, arms: armsOf(rig, 'leader') });
  await leaders.connect();
  const clock = clockOf('realtime');
  let stiff = false;
  let stopped = (): boolean => false;

  const ready = async (
    session: ControlSession,
    signal: StopSignal,
    told: StopSignal = NEVER,
  ): Promise<boolean> => {
    stopped = () => session.stopped;
    say('the leaders go to the start pose: let go of them');
    stiff = true;
    if (!(await readyLeaders(leaders, clock, signal))) return false;
    say('close both leader grippers to begin');
    const begun: StopSignal = {
      get aborted() {
        return signal.aborted || told.aborted || handsClosed(leaders.observe());
      },
    };
    await session.stand(begun);
    if (signal.aborted) return false;
    await leaders.relax();
    stiff = false;
    say('follow the leaders');
    return true;
  };

  const source = new Teleoperation(leaders);
  const close = async (): Promise<void> => {
    let leave: 'limp' | 'stiff' = stiff ? 'stiff' : 'limp';
    try {
      if (stiff && !stopped()) {
        await parkLeaders(leaders, clock);
        leave = 'limp';
      }
    } finally {
      await leaders.disconnect(leave);
    }
  };
  return {
    actions: {
      name: source.name,
      reset: () => source.reset(),
      decide: (followers) => source.decide(followers),
      close,
    },
    from: START_POSE,
    ready,
  };
}
