/** `alohad emulate`: servo buses without servos, what they move, and a socket through which they can be made to fail. */
import type { Rig } from '../config/rig.js';
import { UsageError } from '../contract/errors.js';
import { Emulator, type EmulatedBus } from '../hardware/emulator/emulator.js';
import { parseFaultCommand } from '../hardware/emulator/faultCommand.js';
import { sampleStartPose } from '../simulation/startPoses.js';
import { openControlSocket } from './emulated/controlSocket.js';
import { emulatedBuses } from './emulated/emulatedBuses.js';
import { leaderOperator, shownEpisodes } from './emulated/leaderOperator.js';
import { WorldEmulator } from './emulated/worldEmulator.js';
import { rewardLine, WorldWindow } from './emulated/worldWindow.js';
import { armsOf, type ArmRole } from './servoWorkcell.js';

export interface EmulationRequest {
  readonly rig: Rig;
  /** Buses by name; all of the rig when absent. */
  readonly only?: readonly string[];
  /** Lines of the fault language, obeyed before anybody can connect. */
  readonly faults: readonly string[];
  /** The followers move the rig's simulated world, in which objects lie as `seed` says. */
  readonly world?: {
    readonly seed: number;
    /** Serves cameras on this port of the loopback interface; 0: a free one. */
    readonly watchPort?: number;
  };
}

export interface EmulationListener {
  /** Everything can be opened now. */
  onReady(ready: {
    readonly buses: readonly EmulatedBus[];
    readonly controlPath: string;
    /** The page, and each camera's stream. */
    readonly urls: readonly string[];
  }): void;
  onLine(text: string): void;
}

/** Runs until `signal`. Throws RigError when the rig has no such buses, UsageError, EpisodeError, SceneError, EmulatorError. */
export async function emulate(
  { rig, only, faults, world }: EmulationRequest,
  listener: EmulationListener,
  signal: AbortSignal,
): Promise<void> {
  const buses = emulatedBuses(rig, only);
  const shown = shownEpisodes(rig);
  const operator = shown.length > 0 ? leaderOperator(rig, shown) : undefined;
  if (operator) requireArms(rig, 'leader', buses);
  if (world) requireArms(rig, 'follower', buses);
  const moved =
    world && (await WorldEmulator.start(rig, buses, sampleStartPose(rig.task, world.seed), operator));
  const emulator = moved?.emulator ?? (await Emulator.start(buses, { ...(operator && { operator }) }));
  const ends: (() => void | Promise<void>)[] = [async () => emulator.close()];
  const fault = (line: string): void => {
    const { bus, command } = parseFaultCommand(line);
    emulator.apply(bus, command);
    listener.onLine(`${bus}: ${JSON.stringify(command)}`);
  };
  try {
    faults.forEach(fault);
    const window =
      moved && (await WorldWindow.open(moved, (rewarded) => listener.onLine(rewardLine(rewarded))));
    if (window) ends.push(async () => window.close());
    const urls = window && world?.watchPort !== undefined ? await window.serve(moved, world.watchPort) : [];
    const control = await openControlSocket(`${buses[0]!.path}.control`, (line) => {
      const [subject, verb, ...rest] = line.trim().split(/\s+/);
      if (subject !== 'world') {
        fault(line);
        return undefined;
      }
      if (!window) throw new UsageError('these servos move no world: start with --world');
      if (verb === 'reward') return rewardLine(window.rewarded);
      if (verb !== 'start')
        throw new UsageError(`"${line}" is no command; say world start SEED or world reward`);
      const start = sampleStartPose(rig.task, seedOf(rest[0]));
      moved.putObjects(start);
      window.forget();
      listener.onLine(`objects lie as in start ${start.seed}`);
      return undefined;
    });
    ends.push(() => control.close());
    for (const { path, seed } of shown)
      listener.onLine(`the leaders will show ${path}, made for start ${seed}`);
    listener.onReady({ buses, controlPath: control.path, urls });
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    // What it died of is thrown when it is closed.
    await Promise.race([stopped, emulator.died]);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** Throws RigError when the rig lacks an arm, UsageError when it was left out. */
function requireArms(rig: Rig, role: ArmRole, buses: readonly EmulatedBus[]): void {
  const missing = armsOf(rig, role).find((arm) => !buses.some(({ name }) => name === arm.name));
  if (missing)
    throw new UsageError(`both ${role}s have to be among the buses: name ${missing.name} too in --bus`);
}

function seedOf(word: string | undefined): number {
  const seed = Number(word);
  if (word === undefined || !Number.isSafeInteger(seed) || seed < 0)
    throw new UsageError(
      `"${word ?? ''}" is no seed of a start pose: say a whole number, as in world start 7`,
    );
  return seed;
}
