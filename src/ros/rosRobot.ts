/**
 * Arms that somebody else's driver owns (Interbotix xs_sdk or its simulator), as a Robot: joint_states in, joint
 * commands out. Uses the Interbotix messages where they are installed, trajectory_msgs/JointTrajectory otherwise.
 * The driver keeps its own limits and time-outs; torque is asked of it by `torque_enable`.
 */
import type { ImageSource } from '../contract/camera.js';
import { AlohadError, UnknownCameraError } from '../contract/errors.js';
import { ARMS, ARM_JOINTS, CONTROL_PERIOD_S, DOF, isGripper, newObservation } from '../contract/robot.js';
import type { Arm, Observation, Robot } from '../contract/robot.js';
import type { RosGripper } from './gripper.js';
import { RosPeerError, type RosMessage, type RosPeer } from './rosPort.js';

/** The robot is used before connect or activate, or after disconnect. */
export class RosRobotStateError extends AlohadError {}
/** The driver stopped sending joint_states, or they lack a joint. */
export class RosJointStateError extends AlohadError {}

export interface RosRobotOptions {
  readonly gripper: RosGripper;
  /** Cameras that look at the arms; none when absent. */
  readonly images?: ImageSource;
  /** Namespace of each arm's driver. */
  readonly namespaces?: Readonly<Record<Arm, string>>;
  /** How long connect and torque wait for the driver [ms]. */
  readonly patienceMs?: number;
}

const FOLLOWERS: Readonly<Record<Arm, string>> = { left: 'follower_left', right: 'follower_right' };
/** joint_states older than this are no state of the robot: 20 periods of the stock driver [ms]. */
const STALE_MS = 200;
/** More than two turns: no joint of these arms [rad]. */
const FARTHEST = 4 * Math.PI;
const POLL_MS = 5;
const TORQUE_ENABLE = 'interbotix_xs_msgs/srv/TorqueEnable';

const NO_IMAGES: ImageSource = {
  cameras: [],
  capture: ({ camera }) => {
    throw new UnknownCameraError(`No camera ${camera}; there is none on this ROS backend.`);
  },
};

interface ArmPort {
  readonly namespace: string;
  readonly send: (goal: Float64Array) => void;
  /** When the newest joint_states came [ms]; 0: none yet. */
  heardMs: number;
  /** Why the newest joint_states could not be read. */
  fault: string | undefined;
}

export class RosRobot implements Robot {
  readonly backend = 'ros';
  /** Joints come as messages of this thread: the loop has to let it see them in every tick. */
  readonly hearsThread = true;
  readonly images: ImageSource;
  readonly #port: RosPeer;
  readonly #gripper: RosGripper;
  readonly #namespaces: Readonly<Record<Arm, string>>;
  readonly #patienceMs: number;
  readonly #heard = {
    qpos: new Float64Array(DOF),
    qvel: new Float64Array(DOF),
    effort: new Float64Array(DOF),
  };
  readonly #observation = newObservation();
  #arms: readonly ArmPort[] = [];
  #step = 0;
  #connected = false;
  #active = false;

  constructor(
    port: RosPeer,
    { gripper, images = NO_IMAGES, namespaces = FOLLOWERS, patienceMs = 2000 }: RosRobotOptions,
  ) {
    this.#port = port;
    this.#gripper = gripper;
    this.images = images;
    this.#namespaces = namespaces;
    this.#patienceMs = patienceMs;
  }

  async connect(): Promise<void> {
    if (this.#arms.length === 0) this.#arms = ARMS.map((arm, index) => this.#armPort(arm, index));
    const deadline = performance.now() + this.#patienceMs;
    for (const arm of this.#arms) {
      arm.heardMs = 0;
      while (arm.heardMs === 0) {
        if (performance.now() > deadline) {
          throw new RosPeerError(
            `no joint_states on /${arm.namespace}/joint_states within ${this.#patienceMs} ms: ` +
              `is the arm's driver running, and ROS_DOMAIN_ID the same? ${arm.fault ?? ''}`.trimEnd(),
          );
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
    this.#connected = true;
  }

  async activate(): Promise<void> {
    if (!this.#connected) throw new RosRobotStateError('activate before connect: call connect first');
    // Both goals are where the arms are before either has torque, so that neither jumps to an old goal.
    this.hold();
    await this.#torque(true);
    this.#step = 0;
    this.#active = true;
    this.hold();
  }

  /** The next observation is the first of an episode. */
  countFromZero(): void {
    this.#step = 0;
  }

  observe(): Observation {
    this.#requireFresh();
    const { qpos, qvel, effort } = this.#observation;
    qpos.set(this.#heard.qpos);
    qvel.set(this.#heard.qvel);
    effort.set(this.#heard.effort);
    this.#observation.timeMs = Math.min(...this.#arms.map(({ heardMs }) => heardMs));
    this.#observation.step = this.#step;
    return this.#observation;
  }

  command(goal: Float64Array): void {
    if (!this.#active) throw new RosRobotStateError('command before activate: the arms have no torque');
    this.#requireFresh();
    this.#send(goal);
    this.#step++;
  }

  hold(): void {
    if (this.#connected) this.#send(this.#heard.qpos);
  }

  async disconnect(leave: 'limp' | 'stiff' = 'limp'): Promise<void> {
    const wasConnected = this.#connected;
    this.#active = false;
    this.#connected = false;
    if (!wasConnected || leave === 'stiff') return;
    try {
      await this.#torque(false);
    } catch (cause) {
      throw new RosPeerError(
        `the arms may still have torque: their driver did not take it off (${String(cause)}). Switch them off there`,
        { cause },
      );
    }
  }

  #send(goal: Float64Array): void {
    for (const [index, arm] of this.#arms.entries()) arm.send(goal.subarray(...spanOf(index)));
  }

  async #torque(enable: boolean): Promise<void> {
    const request = { cmd_type: 'group', name: 'all', enable };
    // Each arm is asked, whatever the other one answers.
    const answers = await Promise.allSettled(
      this.#arms.map(async ({ namespace }) => {
        const name = `/${namespace}/torque_enable`;
        if (this.#port.hasType(TORQUE_ENABLE)) {
          await this.#port.call(name, TORQUE_ENABLE, request, this.#patienceMs);
          return;
        }
        const answer = await this.#port.call(
          name,
          'std_srvs/srv/SetBool',
          { data: enable },
          this.#patienceMs,
        );
        if (answer['success'] !== true)
          throw new RosPeerError(`${name} refused: ${String(answer['message'])}`);
      }),
    );
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  }

  #requireFresh(): void {
    if (!this.#connected)
      throw new RosRobotStateError('the ROS backend is not connected: call connect first');
    const now = performance.now();
    for (const { namespace, heardMs, fault } of this.#arms) {
      if (fault !== undefined) throw new RosJointStateError(fault);
      if (now - heardMs > STALE_MS) {
        throw new RosJointStateError(
          `no joint_states of /${namespace} for ${Math.round(now - heardMs)} ms: its driver stopped; restart it`,
        );
      }
    }
  }

  #armPort(name: Arm, index: number): ArmPort {
    const namespace = this.#namespaces[name];
    const arm: ArmPort = { namespace, send: this.#sender(namespace), heardMs: 0, fault: undefined };
    this.#port.subscribe(
      `/${namespace}/joint_states`,
      'sensor_msgs/msg/JointState',
      (message) => {
        arm.fault = this.#take(message, index, namespace);
        if (arm.fault === undefined) arm.heardMs = performance.now();
      },
      'sensor',
    );
    return arm;
  }

  /** Keeps a joint_states message, or says why it cannot. */
  #take(message: RosMessage, index: number, namespace: string): string | undefined {
    const names = Array.from(listOf(message['name']), String);
    const [position, velocity, effort] = ['position', 'velocity', 'effort'].map((key) =>
      listOf(message[key]),
    );
    const [start] = spanOf(index);
    for (const [offset, joint] of ARM_JOINTS.entries()) {
      const entry = names.indexOf(joint === 'gripper' ? 'left_finger' : joint);
      const value = Number(position![entry] ?? Number.NaN);
      if (!Number.isFinite(value)) return `/${namespace}/joint_states has no finite position of ${joint}`;
      if (Math.abs(value) > FARTHEST)
        return `/${namespace}/joint_states has ${joint} at ${value} rad, where no joint can be`;
      const rate = finiteOr0(velocity![entry]);
      const i = start + offset;
      this.#heard.qpos[i] = isGripper(i) ? this.#gripper.openingOf(value) : value;
      this.#heard.qvel[i] = isGripper(i) ? rate / this.#gripper.fingerTravelM : rate;
      this.#heard.effort[i] = finiteOr0(effort![names.indexOf(joint)]);
    }
    return undefined;
  }

  /** Sends one arm's goal, shape (7,). */
  #sender(namespace: string): (goal: Float64Array) => void {
    const gripper = this.#gripper;
    if (this.#port.hasType('interbotix_xs_msgs/msg/JointGroupCommand')) {
      const group = this.#port.advertise(
        `/${namespace}/commands/joint_group`,
        'interbotix_xs_msgs/msg/JointGroupCommand',
      );
      const single = this.#port.advertise(
        `/${namespace}/commands/joint_single`,
        'interbotix_xs_msgs/msg/JointSingleCommand',
      );
      return (goal) => {
        const opening = goal[ARM_JOINTS.length - 1]!;
        group({ name: 'arm', cmd: Float32Array.from(goal.subarray(0, ARM_JOINTS.length - 1)) });
        single({ name: 'gripper', cmd: gripper.motorOf(opening) });
      };
    }
    const trajectory = this.#port.advertise(
      `/${namespace}/joint_trajectory`,
      'trajectory_msgs/msg/JointTrajectory',
    );
    const soon = { sec: 0, nanosec: CONTROL_PERIOD_S * 1e9 };
    return (goal) => {
      const positions = Array.from(goal, (value, i) => (isGripper(i) ? gripper.motorOf(value) : value));
      trajectory({
        header: { stamp: { sec: 0, nanosec: 0 }, frame_id: '' },
        joint_names: [...ARM_JOINTS],
        points: [{ positions, velocities: [], accelerations: [], effort: [], time_from_start: soon }],
      });
    };
  }
}

const spanOf = (index: number): [number, number] => [
  index * ARM_JOINTS.length,
  (index + 1) * ARM_JOINTS.length,
];

/** Numeric arrays arrive as typed arrays, names as arrays. */
const listOf = (value: unknown): ArrayLike<unknown> =>
  Array.isArray(value) || value instanceof Float64Array ? value : [];

function finiteOr0(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
