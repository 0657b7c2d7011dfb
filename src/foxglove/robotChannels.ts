/**
 * The robot as viewers see it: the topics and messages of a recording, live, and with them its description, the frames of
 * its links, how punctual the loop is, and what the daemon says.
 */
import type { LoopState } from '../contract/apiState.js';
import { ARMS, type Arm } from '../contract/robot.js';
import type { Bimanual } from '../description/bimanual.js';
import type { LinkTransform } from '../description/urdf.js';
import { commandedJoints, jpegImage, observedJoints } from '../episodes/robotMessages.js';
import {
  COMPRESSED_IMAGE,
  FLOAT64,
  JOINT_STATE,
  rosTime,
  STRING,
  type RosType,
} from '../episodes/rosMessages.js';
import { commandTopic, imageTopic, REWARD_TOPIC, stateTopic } from '../episodes/topics.js';
import type { FoxgloveServer, OfferedChannel } from './foxgloveServer.js';
import { LOG, LOG_LEVEL, rosChannel, TF_MESSAGE, type TransformStamped } from './messages.js';

/** One tick of the loop. Arrays have shape (14,) and are read during the call only. */
export interface LiveTick {
  /** Wall-clock time [ns since 1970]. */
  readonly timeNs: bigint;
  readonly step: number;
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly effort: Float64Array;
  /** As sent, after limits. */
  readonly goal: Float64Array;
  readonly reward: number;
  readonly lateMs: number;
}

const TIMING_TOPIC = '/timing';
const number = { type: 'number' } as const;
/** Of `/timing`: the newest tick, and the loop since the daemon started. */
const TIMING_SCHEMA = {
  type: 'object',
  properties: Object.fromEntries(
    [
      'step',
      'late_ms',
      'late_p50_ms',
      'late_p99_ms',
      'late_max_ms',
      'busy_p99_ms',
      'missed',
      'inference_p50_ms',
      'inference_p99_ms',
    ].map((name) => [name, number]),
  ),
};

export class RobotChannels {
  readonly #server: FoxgloveServer;
  readonly #robot: Bimanual;
  readonly #observed: Readonly<Record<Arm, OfferedChannel>>;
  readonly #commanded: Readonly<Record<Arm, OfferedChannel>>;
  readonly #reward: OfferedChannel;
  readonly #frames: OfferedChannel;
  readonly #timing: OfferedChannel;
  readonly #log: OfferedChannel;
  readonly #cameras = new Map<string, OfferedChannel>();

  constructor(server: FoxgloveServer, robot: Bimanual, nowNs: bigint) {
    this.#server = server;
    this.#robot = robot;
    const joints = (topic: (arm: Arm) => string) => ({
      left: this.#offer(topic('left'), JOINT_STATE),
      right: this.#offer(topic('right'), JOINT_STATE),
    });
    this.#observed = joints(stateTopic);
    this.#commanded = joints(commandTopic);
    this.#reward = this.#offer(REWARD_TOPIC, FLOAT64);
    this.#frames = this.#offer('/tf', TF_MESSAGE);
    this.#log = this.#offer('/log', LOG);
    this.#timing = server.offer({
      topic: TIMING_TOPIC,
      encoding: 'json',
      schemaName: 'alohad.Timing',
      schemaEncoding: 'jsonschema',
      schema: JSON.stringify(TIMING_SCHEMA),
    });
    server
      .offer(rosChannel('/robot_description', STRING), true)
      .publish(nowNs, () => STRING.encode({ data: robot.urdf }));
  }

  /** Cameras that anybody looks at. */
  get watched(): ReadonlySet<string> {
    return new Set([...this.#cameras].filter(([, { wanted }]) => wanted).map(([name]) => name));
  }

  /** The cameras of the present robot take the place of those before. */
  setCameras(names: readonly string[]): void {
    for (const [name, channel] of this.#cameras) {
      if (names.includes(name)) continue;
      channel.withdraw();
      this.#cameras.delete(name);
    }
    for (const name of names) {
      if (!this.#cameras.has(name)) this.#cameras.set(name, this.#offer(imageTopic(name), COMPRESSED_IMAGE));
    }
  }

  onFrame(camera: string, timeNs: bigint, jpeg: Uint8Array): void {
    this.#cameras
      .get(camera)
      ?.publish(timeNs, () => COMPRESSED_IMAGE.encode(jpegImage(camera, timeNs, jpeg)));
  }

  onTick(tick: LiveTick, loop: LoopState): void {
    const { timeNs, goal, qpos, reward } = tick;
    for (const arm of ARMS) {
      this.#observed[arm].publish(timeNs, () => JOINT_STATE.encode(observedJoints(arm, timeNs, tick)));
      this.#commanded[arm].publish(timeNs, () => JOINT_STATE.encode(commandedJoints(arm, timeNs, goal)));
    }
    this.#reward.publish(timeNs, () => FLOAT64.encode({ data: reward }));
    this.#frames.publish(timeNs, () =>
      TF_MESSAGE.encode({
        transforms: this.#robot.transforms(qpos).map((transform) => stamped(timeNs, transform)),
      }),
    );
    this.#timing.publish(timeNs, () => new TextEncoder().encode(JSON.stringify(timing(tick, loop))));
  }

  onEvent(level: keyof typeof LOG_LEVEL, text: string, timeNs: bigint): void {
    this.#log.publish(timeNs, () =>
      LOG.encode({
        stamp: rosTime(timeNs),
        level: LOG_LEVEL[level],
        name: 'alohad',
        msg: text,
        file: '',
        function: '',
        line: 0,
      }),
    );
  }

  #offer<T>(topic: string, type: RosType<T>): OfferedChannel {
    return this.#server.offer(rosChannel(topic, type));
  }
}

const timing = ({ step, lateMs }: LiveTick, { late, busy, missed, latency }: LoopState) => ({
  step,
  late_ms: lateMs,
  late_p50_ms: late.p50Ms,
  late_p99_ms: late.p99Ms,
  late_max_ms: late.maxMs,
  busy_p99_ms: busy.p99Ms,
  missed,
  inference_p50_ms: latency.p50Ms,
  inference_p99_ms: latency.p99Ms,
});

function stamped(timeNs: bigint, { parent, child, translation, rotation }: LinkTransform): TransformStamped {
  const [x, y, z] = translation;
  const [qx, qy, qz, qw] = rotation;
  return {
    header: { stamp: rosTime(timeNs), frame_id: parent },
    child_frame_id: child,
    transform: { translation: { x, y, z }, rotation: { x: qx, y: qy, z: qz, w: qw } },
  };
}
