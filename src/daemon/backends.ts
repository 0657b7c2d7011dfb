/** The robots there are to choose from, and how the workcell of each is made. */
import { rosEnvironment } from '../config/environment.js';
import type { Rig } from '../config/rig.js';
import { UnavailableError } from '../contract/apiErrors.js';
import type { Choice } from '../contract/apiState.js';
import type { EpisodeInfo } from '../contract/episode.js';
import type { Backend } from '../contract/robot.js';
import type { StartPose } from '../contract/task.js';
import { UsageError } from '../contract/errors.js';
import { requireRos } from '../ros/rclnodejsPort.js';
import { EmulatedWorkcell } from './emulated/emulatedWorkcell.js';
import { armsOf, isEmulatedPort, lacksArms, openServoWorkcell } from './servoWorkcell.js';
import { openRosWorkcell } from './rosWorkcell.js';
import { SimWorkcell } from './simWorkcell.js';
import type { Workcell } from './workcell.js';

interface BackendPart {
  /** Why it cannot be used with this rig; undefined when it can. Must not touch hardware. */
  readonly unavailable: (rig: Rig) => string | undefined;
  /** A workcell whose robot is not connected yet. */
  readonly open: (rig: Rig, options: WorkcellOptions) => Promise<Workcell>;
  /** Why there are no servos behind ports that could be rebooted while nobody drives them; undefined: there are. */
  readonly noServos: (rig: Rig) => string | undefined;
  /** Whether torque may go on without a person asking for it: nobody can be hurt. */
  readonly harmless: boolean;
  /** Whether there are objects that are put where an episode says they lay. */
  readonly placesObjects: (rig: Rig) => boolean;
  /** Whether time passes there by itself: ticks follow the clock, and there is one robot. */
  readonly realTime: boolean;
}

export interface WorkcellOptions {
  /** Shakes open hands by so much [rad], in simulation only: elsewhere hands shake enough. */
  readonly shake?: number;
}

/** To add a backend, add it here. */
const BACKENDS: Readonly<Record<Backend, BackendPart>> = {
  sim: {
    unavailable: () => undefined,
    // oxlint-disable-next-line require-await
    open: async (rig, { shake = 0 }) => new SimWorkcell(rig, shake),
    noServos: () => 'has no servos to reboot',
    placesObjects: () => true,
    harmless: true,
    realTime: false,
  },
  real: {
    unavailable: (rig) => lacksArms(rig, 'follower'),
    open: async (rig) => await openServoWorkcell(rig, 'real'),
    noServos: () => undefined,
    placesObjects: () => false,
    harmless: false,
    realTime: true,
  },
  emulated: {
    unavailable: (rig) => lacksArms(rig, 'follower'),
    // Someone else's emulator is used as it is, without knowing what its arms move.
    open: async (rig) =>
      isEmulated(rig) ? await openServoWorkcell(rig, 'emulated') : await EmulatedWorkcell.open(rig),
    noServos: (rig) =>
      isEmulated(rig) ? undefined : 'has no servos to reboot: its own start anew with the backend',
    placesObjects: (rig) => !isEmulated(rig),
    harmless: true,
    realTime: true,
  },
  ros: {
    unavailable: lacksRos,
    open: async (rig) => await openRosWorkcell(rig),
    noServos: () => 'has no servos to reboot',
    placesObjects: () => false,
    harmless: false,
    realTime: true,
  },
};

/** Why ROS 2 cannot be used; undefined when it can. */
function lacksRos(): string | undefined {
  try {
    requireRos(rosEnvironment());
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Throws UnavailableError unless the arms are servos behind ports, which are there when nobody drives them. */
export function requireServos(rig: Rig): void {
  const reason = BACKENDS[rig.backend].noServos(rig);
  if (reason !== undefined) throw new UnavailableError(`backend ${rig.backend} ${reason}`);
}

/** Whether `alohad emulate` runs for this rig. */
const isEmulated = (rig: Rig): boolean => armsOf(rig, 'follower').every(({ path }) => isEmulatedPort(path));

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

/** The workcell of the rig's backend; close it once its robot is disconnected. Throws RigError and what it starts throws. */
export const openWorkcell = async (rig: Rig, options: WorkcellOptions = {}): Promise<Workcell> =>
  await BACKENDS[rig.backend].open(rig, options);

/** Whether time passes there by itself, and there is one robot. */
export const runsByClock = (backend: Backend): boolean => BACKENDS[backend].realTime;
export const isHarmless = (backend: Backend): boolean => BACKENDS[backend].harmless;

/** Where a recorded episode can be played again, as it began. Throws UsageError where objects would be missing. */
export function replayStart(path: string, { seed, startObjects }: EpisodeInfo, rig: Rig): StartPose {
  if (startObjects.length === 0 && BACKENDS[rig.backend].placesObjects(rig)) {
    throw new UsageError(
      `${path} does not say where the objects lay: replay it on arms in a room (--backend real or ros)`,
    );
  }
  return { seed, objects: Float64Array.from(startObjects) };
}

/** How a verb is to run: on arms that do not wait for anyone there is one robot, by the clock. Throws UsageError. */
export function requirePace(
  { backend }: Rig,
  { pace, workers }: { readonly pace: 'realtime' | 'fast'; readonly workers: number },
): void {
  if (pace === 'fast' && BACKENDS[backend].realTime)
    throw new UsageError(`backend ${backend} runs by the clock: use --pace realtime`);
  if (pace === 'realtime' && workers > 1)
    throw new UsageError('--workers needs --pace fast: in real time there is one robot');
}
