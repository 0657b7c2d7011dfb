/** Feeds the Foxglove door from the same taps as the control API's streams. */
import { readFileSync } from 'node:fs';
import type { DaemonState } from '../../contract/apiState.js';
import { DOF } from '../../contract/robot.js';
import { Bimanual } from '../../description/bimanual.js';
import { FoxgloveServer, type FoxgloveOptions } from '../../foxglove/foxgloveServer.js';
import { RobotChannels } from '../../foxglove/robotChannels.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { fingerPosition } from '../../simulation/gripper.js';
import { MOUNTS } from '../../simulation/kinematics.js';

const URDF = new URL('../../../urdf/vx300s.urdf', import.meta.url);

/** Wall-clock time of the monotonic clock's zero [ms since 1970], as recordings have it. */
const ORIGIN_MS = performance.timeOrigin + performance.now() - monotonicMs();

/** @param timeMs monotonic @returns [ns since 1970] */
const wallNs = (timeMs: number): bigint => BigInt(Math.round((ORIGIN_MS + timeMs) * 1e3)) * 1000n;

export interface FoxgloveFeed {
  readonly server: FoxgloveServer;
  /** Cameras that anybody looks at. */
  readonly watched: ReadonlySet<string>;
  /** @param tick as liveMemory.ts lays it out */
  onTick(tick: Float64Array): void;
  onFrame(camera: string, timeMs: number, jpeg: Uint8Array): void;
  onEvent(level: 'info' | 'warn', text: string): void;
  /** The daemon's state changed. */
  onChange(): void;
}

/** Throws UsageError when the port is taken. */
export async function startFoxglove(
  options: FoxgloveOptions,
  state: () => DaemonState,
): Promise<FoxgloveFeed> {
  const armUrdf = readFileSync(URDF, 'utf8');
  const server = await FoxgloveServer.start(options);
  const channels = new RobotChannels(
    server,
    new Bimanual({ armUrdf, mounts: MOUNTS, fingerPosition }),
    wallNs(monotonicMs()),
  );
  return {
    server,
    get watched() {
      return channels.watched;
    },
    onTick: (tick) => {
      if (server.viewers === 0) return;
      const vector = (n: number): Float64Array => tick.subarray(2 + n * DOF, 2 + (n + 1) * DOF);
      channels.onTick(
        {
          step: tick[0]!,
          timeNs: wallNs(tick[1]!),
          qpos: vector(0),
          qvel: vector(1),
          effort: vector(2),
          goal: vector(4),
          reward: tick[2 + 5 * DOF]!,
          lateMs: tick[3 + 5 * DOF]!,
        },
        state().loop,
      );
    },
    onFrame: (camera, timeMs, jpeg) => {
      channels.onFrame(camera, wallNs(timeMs), jpeg);
    },
    onEvent: (level, text) => {
      channels.onEvent(level, text, wallNs(monotonicMs()));
    },
    onChange: () => {
      channels.setCameras(state().cameras);
    },
  };
}
