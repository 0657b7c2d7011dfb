/** One arm's driver as interbotix_xs_sdk shows itself on topics: joints follow their commands when torque is on. */
import { ARM_JOINTS, ARM_START_POSE } from '#alohad/contract/robot.js';
import { loadGripper } from '#alohad/config/armFiles.js';
import { RosGripper } from '#alohad/ros/gripper.js';
import type { RosMessage, RosPort } from '#alohad/ros/rosPort.js';

/** Share of the way to its goal that a joint goes with each command. */
const RESPONSE = 0.5;
const PERIOD_MS = 10;

export const gripper = new RosGripper(loadGripper('aloha', 'follower'));

export class FakeXsSdk {
  torque = false;
  readonly torqueRequests: boolean[] = [];
  /** Shape (7,): rad, gripper normalised. */
  readonly position = Float64Array.from(ARM_START_POSE);
  /** Commands that came, whether or not they moved anything. */
  commands = 0;
  readonly #publish: (message: RosMessage) => void;
  readonly #timer: NodeJS.Timeout;

  constructor(port: RosPort, namespace: string) {
    this.#publish = port.advertise(`/${namespace}/joint_states`, 'sensor_msgs/msg/JointState');
    port.subscribe(
      `/${namespace}/commands/joint_group`,
      'interbotix_xs_msgs/msg/JointGroupCommand',
      ({ name, cmd }) => {
        if (name === 'arm' && (cmd instanceof Float32Array || Array.isArray(cmd))) this.#follow([...cmd]);
      },
    );
    port.subscribe(
      `/${namespace}/commands/joint_single`,
      'interbotix_xs_msgs/msg/JointSingleCommand',
      ({ name, cmd }) => {
        if (name === 'gripper') this.#follow([Number(cmd)], ARM_JOINTS.length - 1);
      },
    );
    port.subscribe(`/${namespace}/joint_trajectory`, 'trajectory_msgs/msg/JointTrajectory', ({ points }) => {
      if (Array.isArray(points)) this.#follow(points[0].positions);
    });
    const torque = (enable: boolean): void => {
      this.torque = enable;
      this.torqueRequests.push(enable);
    };
    const standard = !port.hasType('interbotix_xs_msgs/srv/TorqueEnable');
    port.serve(
      `/${namespace}/torque_enable`,
      standard ? 'std_srvs/srv/SetBool' : 'interbotix_xs_msgs/srv/TorqueEnable',
      (request) => {
        torque((standard ? request['data'] : request['enable']) === true);
        return Promise.resolve(standard ? { success: true, message: '' } : {});
      },
    );
    this.#timer = setInterval(() => {
      this.tell();
    }, PERIOD_MS);
  }

  tell(position: readonly number[] = [...this.position]): void {
    const opening = position[ARM_JOINTS.length - 1]!;
    this.#publish({
      // Not in the order of the 14-vector: a reader has to go by name.
      name: ['left_finger', 'right_finger', ...ARM_JOINTS],
      position: Float64Array.from([
        gripper.fingerOf(opening),
        -gripper.fingerOf(opening),
        ...position.slice(0, -1),
        gripper.motorOf(opening),
      ]),
      velocity: new Float64Array(9),
      effort: new Float64Array(9),
    });
  }

  /** The driver dies: nothing more is told. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #follow(goals: readonly number[], first = 0): void {
    this.commands++;
    if (this.torque) {
      for (const [i, goal] of goals.entries()) {
        const joint = first + i;
        const target = joint === ARM_JOINTS.length - 1 ? gripper.openingOfMotor(goal) : goal;
        this.position[joint]! += RESPONSE * (target - this.position[joint]!);
      }
    }
    this.tell();
  }
}
