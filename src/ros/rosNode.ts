/**
 * The daemon as others on ROS 2 see it: joint states and descriptions of the arms, cameras, diagnostics, and services
 * that ask for modes. It is a client of the control API like any other: it has to be in control to change anything,
 * an emergency stop excepted, and it moves no joint.
 */
import type { CommandInput } from '../contract/api.js';
import type { StreamFrame } from '../contract/apiFrames.js';
import type { ServedState } from '../contract/apiState.js';
import { ARMS, ARM_JOINTS, type Arm } from '../contract/robot.js';
import { diagnostics } from './diagnostics.js';
import { jointState } from './jointState.js';
import type { RosMessage, RosPort } from './rosPort.js';
import { StampClock } from './stampClock.js';

/** What the node needs of the daemon. */
export interface DaemonLink {
  readonly state: ServedState;
  /** Throws what the daemon refuses with. */
  send(command: CommandInput): Promise<unknown>;
}

export interface RosNodeOptions {
  /** Namespace of each arm. */
  readonly namespaces: Readonly<Record<Arm, string>>;
  /** URDF of one arm, for robot_state_publisher and viewers. */
  readonly urdf: string;
}

type Publish = (message: RosMessage) => void;

export class RosNode {
  readonly #port: RosPort;
  readonly #daemon: DaemonLink;
  readonly #stamps = new StampClock();
  readonly #joints: readonly Publish[];
  readonly #diagnostics: Publish;
  readonly #cameras = new Map<string, Publish>();

  constructor(port: RosPort, daemon: DaemonLink, { namespaces, urdf }: RosNodeOptions) {
    this.#port = port;
    this.#daemon = daemon;
    this.#joints = ARMS.map((arm) =>
      port.advertise(`/${namespaces[arm]}/joint_states`, 'sensor_msgs/msg/JointState'),
    );
    for (const arm of ARMS) {
      port.advertise(
        `/${namespaces[arm]}/robot_description`,
        'std_msgs/msg/String',
        'latched',
      )({ data: urdf });
    }
    this.#diagnostics = port.advertise('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray');
    this.#serve();
  }

  /** Asks for the streams that are published. Again after a change of backend: its cameras may be others. */
  async subscribe(): Promise<void> {
    await this.#daemon.send({ type: 'subscribe', joints: true, cameras: [...this.#daemon.state.cameras] });
  }

  onFrame(frame: StreamFrame): void {
    const stamp = this.#stamps.stamp(frame.timeMs, Date.now());
    if (frame.kind === 'joints') {
      for (const [index, publish] of this.#joints.entries()) {
        const of = (values: Float32Array): Float32Array =>
          values.subarray(index * ARM_JOINTS.length, (index + 1) * ARM_JOINTS.length);
        publish(jointState(stamp, of(frame.qpos), of(frame.qvel), of(frame.effort)));
      }
    } else if (frame.kind === 'camera') {
      const camera = this.#daemon.state.cameras[frame.camera];
      if (camera === undefined) return;
      this.#camera(camera)({ header: { stamp, frame_id: camera }, format: 'jpeg', data: frame.jpeg });
    }
  }

  publishDiagnostics(): void {
    this.#diagnostics(diagnostics(this.#port.now(), this.#daemon.state));
  }

  #camera(name: string): Publish {
    const publish =
      this.#cameras.get(name) ??
      this.#port.advertise(
        `/${name}/camera/color/image_rect_raw/compressed`,
        'sensor_msgs/msg/CompressedImage',
        'sensor',
      );
    this.#cameras.set(name, publish);
    return publish;
  }

  #serve(): void {
    const trigger = (name: string, command: CommandInput): void => {
      this.#port.serve(`/alohad/${name}`, 'std_srvs/srv/Trigger', () => this.#ask(command));
    };
    trigger('emergency_stop', { type: 'emergency_stop' });
    trigger('clear_emergency_stop', { type: 'clear_emergency_stop' });
    trigger('take_control', { type: 'take_control', force: true });
    trigger('release_control', { type: 'release_control' });
    trigger('hold', { type: 'mode', request: { mode: 'idle', torque: 'hold' } });
    trigger('limp', { type: 'mode', request: { mode: 'idle', torque: 'limp' } });
    trigger('start_trial', { type: 'mode', request: { mode: 'trial' } });
    trigger('start_recording', { type: 'mode', request: { mode: 'record' } });
    this.#port.serve('/alohad/label_episode', 'std_srvs/srv/SetBool', async ({ data }) => {
      const episode = this.#daemon.state.run?.episodes.at(-1)?.recorded;
      if (episode === undefined) return refusal('no recorded episode to label: record one first');
      return await this.#ask({ type: 'label', episode, success: data === true });
    });
  }

  async #ask(command: CommandInput): Promise<RosMessage> {
    try {
      await this.#daemon.send(command);
      return { success: true, message: '' };
    } catch (error) {
      return refusal(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  }
}

const refusal = (message: string): RosMessage => ({ success: false, message });
