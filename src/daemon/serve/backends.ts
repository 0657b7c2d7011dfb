/** The robots that a daemon can be switched between at run time: which there are, and how one is made. */
import type { Rig } from '../../config/rig.js';
import { UnavailableError } from '../../contract/apiErrors.js';
import type { Choice } from '../../contract/apiState.js';
import type { Backend } from '../../contract/robot.js';
import { SimRobot } from '../../simulation/simRobot.js';
import { worldOptions } from '../parts.js';

interface BackendPart {
  /** Why it cannot be used with this rig; undefined when it can. Must not touch hardware. */
  readonly unavailable: (rig: Rig) => string | undefined;
  /** A robot that is not connected yet. */
  readonly create: (rig: Rig) => SimRobot;
  /** Whether torque may go on without a person asking for it: nobody can be hurt. */
  readonly harmless: boolean;
}

const missing = (reason: string): BackendPart => ({
  unavailable: () => reason,
  create: () => {
    throw new UnavailableError(reason);
  },
  harmless: false,
});

/** To add a backend, add it here. */
const BACKENDS: Readonly<Record<Backend, BackendPart>> = {
  sim: {
    unavailable: () => undefined,
    create: (rig) => new SimRobot(worldOptions(rig)),
    harmless: true,
  },
  real: missing('this build has no servo driver yet'),
  emulated: missing('this build has no servo emulator yet'),
  ros: missing('this build has no ROS 2 client yet'),
};

const NAMES = ['sim', 'real', 'emulated', 'ros'] as const satisfies readonly Backend[];

/** Every backend, and why some cannot be used with this rig. */
export const backendChoices = (rig: Rig): Choice<Backend>[] =>
  NAMES.map((name) => {
    const reason = BACKENDS[name].unavailable(rig);
    return { name, ...(reason !== undefined && { unavailable: reason }) };
  });

/** Throws UnavailableError with the reason. */
export function requireBackend(name: Backend, rig: Rig): asserts name is Rig['backend'] {
  const reason = BACKENDS[name].unavailable(rig);
  if (reason === undefined) return;
  const others = backendChoices(rig).filter(({ unavailable }) => unavailable === undefined);
  throw new UnavailableError(
    `backend ${name} is not available: ${reason}. There is ${others.map((other) => other.name).join(', ')}`,
  );
}

export const createRobot = (rig: Rig): SimRobot => BACKENDS[rig.backend].create(rig);
export const isHarmless = (backend: Backend): boolean => BACKENDS[backend].harmless;
