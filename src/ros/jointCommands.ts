/**
 * Joint commands of others as moves for the daemon, which it takes in mode remote from whoever is in control:
 * trajectory_msgs/JointTrajectory always, and the Interbotix commands where their messages are installed.
 */
import { MOVE_POINTS, type Move } from '../contract/api.js';
import { ARMS, ARM_JOINTS, type Arm } from '../contract/robot.js';
import type { RosGripper } from './gripper.js';
import { RosPeerError, type RosMessage, type RosPort } from './rosPort.js';

/** The daemon takes less than 100 messages in a second: commands of all topics wait this long for each other [ms]. */
const GATHER_MS = 15;
/** The same complaint is not made again before [ms]. */
const COMPLAINT_MS = 5000;
const GRIPPER = ARM_JOINTS.indexOf('gripper');
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  arm: ARM_JOINTS.slice(0, GRIPPER),
  gripper: ['gripper'],
  all: ARM_JOINTS,
};

export class JointCommands {
  readonly #port: RosPort;
  readonly #gripper: RosGripper;
  readonly #send: (moves: Move[]) => Promise<unknown>;
  readonly #complaints = new Map<string, number>();
  #gathered: Move[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param send throws what the daemon refuses with */
  constructor(port: RosPort, gripper: RosGripper, send: (moves: Move[]) => Promise<unknown>) {
    this.#port = port;
    this.#gripper = gripper;
    this.#send = send;
  }

  listen(namespaces: Readonly<Record<Arm, string>>): void {
    for (const [index, arm] of ARMS.entries()) this.#listen(index * ARM_JOINTS.length, namespaces[arm]);
  }

  #listen(first: number, namespace: string): void {
    const on = (topic: string, type: string, moveOf: (message: RosMessage) => Move): void => {
      const name = `/${namespace}/${topic}`;
      this.#port.subscribe(name, type, (message) => {
        try {
          this.#gather(moveOf(message));
        } catch (error) {
          this.#complain(name, error);
        }
      });
    };
    on('joint_trajectory', 'trajectory_msgs/msg/JointTrajectory', (message) =>
      this.#trajectory(first, message),
    );
    if (!this.#port.hasType('interbotix_xs_msgs/msg/JointGroupCommand')) return;
    on('commands/joint_group', 'interbotix_xs_msgs/msg/JointGroupCommand', ({ name, cmd }) =>
      this.#move(first, groupOf(String(name)), [{ timeS: 0, values: numbersOf(cmd) }]),
    );
    on('commands/joint_single', 'interbotix_xs_msgs/msg/JointSingleCommand', ({ name, cmd }) =>
      this.#move(first, [String(name)], [{ timeS: 0, values: [Number(cmd)] }]),
    );
    on(
      'commands/joint_trajectory',
      'interbotix_xs_msgs/msg/JointTrajectoryCommand',
      ({ cmd_type: kind, name, traj }) => {
        const names = kind === 'group' ? groupOf(String(name)) : [String(name)];
        return this.#trajectory(first, { ...Object(traj), joint_names: names });
      },
    );
  }

  #trajectory(first: number, { joint_names: names, points }: RosMessage): Move {
    const rows = Array.isArray(points) ? points.map((point): RosMessage => Object(point)) : [];
    return this.#move(
      first,
      Array.isArray(names) ? names.map(String) : [],
      rows.map(({ positions, time_from_start: from }) => {
        const { sec, nanosec }: { sec?: unknown; nanosec?: unknown } = Object(from);
        return { timeS: Number(sec ?? 0) + Number(nanosec ?? 0) * 1e-9, values: numbersOf(positions) };
      }),
    );
  }

  /** Throws RosPeerError. */
  #move(
    first: number,
    names: readonly string[],
    points: readonly { readonly timeS: number; readonly values: readonly number[] }[],
  ): Move {
    const offsets = names.map((name) => ARM_JOINTS.findIndex((joint) => joint === name));
    const unknown = names[offsets.indexOf(-1)];
    if (names.length === 0 || unknown !== undefined)
      throw new RosPeerError(`there is no joint "${unknown ?? ''}"; there are ${ARM_JOINTS.join(', ')}`);
    if (points.length === 0 || points.length > MOVE_POINTS)
      throw new RosPeerError(`${points.length} points: at least 1 and at most ${MOVE_POINTS} are taken`);
    if (points.some(({ values }) => values.length !== names.length || !values.every(Number.isFinite)))
      throw new RosPeerError(`each point needs ${names.length} finite positions, one for each joint`);
    return {
      joints: offsets.map((offset) => first + offset),
      points: points.map(({ timeS, values }) => ({
        timeS,
        positions: values.map((value, i) =>
          offsets[i] === GRIPPER ? this.#gripper.openingOfMotor(value) : value,
        ),
      })),
    };
  }

  #gather(move: Move): void {
    // Of the same joints, the newest.
    const joints = move.joints.join();
    this.#gathered = [...this.#gathered.filter((other) => other.joints.join() !== joints), move];
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      const moves = this.#gathered;
      this.#gathered = [];
      this.#timer = undefined;
      this.#send(moves).catch((error: unknown) => {
        this.#complain('joint commands are not followed', error);
      });
    }, GATHER_MS);
  }

  #complain(about: string, error: unknown): void {
    const text = `${about}: ${error instanceof Error ? error.message : String(error)}`;
    const now = performance.now();
    if (now - (this.#complaints.get(text) ?? Number.NEGATIVE_INFINITY) < COMPLAINT_MS) return;
    this.#complaints.set(text, now);
    this.#port.warn(text);
  }
}

function groupOf(name: string): readonly string[] {
  const group = GROUPS[name];
  if (!group)
    throw new RosPeerError(`there is no group "${name}"; there are ${Object.keys(GROUPS).join(', ')}`);
  return group;
}

/** Numeric arrays arrive as typed arrays. */
const numbersOf = (value: unknown): number[] =>
  Array.isArray(value) || value instanceof Float64Array || value instanceof Float32Array
    ? Array.from(value, Number)
    : [];
