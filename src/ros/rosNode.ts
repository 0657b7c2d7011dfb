/**
 * The daemon as others on ROS 2 see it: joint states, descriptions and frames of the arms, cameras, diagnostics; joint
 * commands, services, parameters, a life cycle and an action that ask the daemon. It is a client of the control API like
 * any other: it has to be in control to change anything, an emergency stop excepted, and it moves no joint by itself.
 */
import type { CommandInput, Move } from '../contract/api.js';
import type { StreamFrame } from '../contract/apiFrames.js';
import type { ServedState } from '../contract/apiState.js';
import type { GripperConvention } from '../contract/arm.js';
import { ARMS, ARM_JOINTS, type Arm } from '../contract/robot.js';
import { serveArm, type ArmInfo } from './armServices.js';
import { CameraTopics, type DecodeJpeg } from './cameraTopics.js';
import { diagnostics } from './diagnostics.js';
import { RosGripper } from './gripper.js';
import { JointCommands } from './jointCommands.js';
import { jointState } from './jointState.js';
import { Lifecycle } from './lifecycle.js';
import { Parameters, type Parameter } from './parameters.js';
import type { RosMessage, RosPort } from './rosPort.js';
import { StampClock } from './stampClock.js';
import { Transforms, type FrameJoint } from './transforms.js';
import { TRIAL_ACTION, trialAction } from './trialAction.js';

/** What the node needs of the daemon. */
export interface DaemonLink {
  readonly state: ServedState;
  /** The state at this moment. */
  askState(): Promise<ServedState>;
  /** Throws what the daemon refuses with. */
  send(command: CommandInput): Promise<unknown>;
}

export interface RosNodeOptions {
  /** Namespace of each arm. */
  readonly namespaces: Readonly<Record<Arm, string>>;
  /** Prefix of the node's own names. */
  readonly name: string;
  /** See CameraTopics. */
  readonly cameraTopic: string;
  /** URDF of one arm, for robot_state_publisher and viewers. */
  readonly urdf: string;
  /** The joints of that arm. */
  readonly joints: readonly FrameJoint[];
  readonly gripper: GripperConvention;
  readonly arm: ArmInfo;
  readonly decode: DecodeJpeg;
}

type Publish = (message: RosMessage) => void;
const BACKENDS = ['sim', 'real', 'emulated', 'ros'] as const;
const EXECUTIONS = ['ensemble', 'chunk', 'blend'] as const;

interface ArmTopics {
  readonly joints: Publish;
  readonly transforms: Transforms;
}

export class RosNode {
  readonly #port: RosPort;
  readonly #daemon: DaemonLink;
  readonly #options: RosNodeOptions;
  readonly #gripper: RosGripper;
  readonly #stamps = new StampClock();
  readonly #arms: readonly ArmTopics[];
  readonly #transforms: Publish;
  readonly #diagnostics: Publish;
  readonly #cameras = new Map<string, CameraTopics>();
  readonly #parameters: Parameters;
  /** What the next trial is run with. */
  #policy = 'shipped';
  #execution: (typeof EXECUTIONS)[number] = 'ensemble';

  constructor(port: RosPort, daemon: DaemonLink, options: RosNodeOptions) {
    const { namespaces, urdf, joints, gripper, name } = options;
    this.#port = port;
    this.#daemon = daemon;
    this.#options = options;
    this.#gripper = new RosGripper(gripper);
    const fixed = port.advertise('/tf_static', 'tf2_msgs/msg/TFMessage', 'latched');
    this.#transforms = port.advertise('/tf', 'tf2_msgs/msg/TFMessage');
    this.#arms = ARMS.map((arm) => {
      const of = (topic: string): string => `/${namespaces[arm]}/${topic}`;
      port.advertise(of('robot_description'), 'std_msgs/msg/String', 'latched')({ data: urdf });
      return {
        joints: port.advertise(of('joint_states'), 'sensor_msgs/msg/JointState'),
        transforms: new Transforms(joints, namespaces[arm]),
      };
    });
    fixed({
      transforms: this.#arms.flatMap(({ transforms }) => transforms.fixed(port.now()).transforms),
    });
    this.#diagnostics = port.advertise('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray');
    const send = async (moves: Move[]): Promise<unknown> => daemon.send({ type: 'move', moves });
    new JointCommands(port, this.#gripper, send).listen(namespaces);
    const arms = (): ServedState['arms'] => daemon.state.arms;
    for (const arm of ARMS) serveArm(port, arm, namespaces[arm], options.arm, arms, this.#refusal);
    new Lifecycle(port, arms, this.#refusal).serve(name);
    this.#parameters = new Parameters(port, name, this.#table());
    if (port.hasType(TRIAL_ACTION)) {
      const look = async (): Promise<ServedState> => daemon.askState();
      const trial = (episodes: number): CommandInput => this.#trial(episodes);
      port.act(
        `${name}/trial`,
        TRIAL_ACTION,
        trialAction(this.#refusal, look, trial, (text) => port.warn(text)),
      );
    }
    this.#serve();
  }

  /** What a launch file or command line asked of parameters; a refusal goes to the log. */
  async applyOverrides(): Promise<void> {
    for (const [name, value] of Object.entries(this.#port.overrides)) {
      if (name === 'use_sim_time') continue;
      const refusal = await this.#parameters.set(name, value);
      if (refusal !== undefined) this.#port.warn(refusal);
    }
  }

  /** Asks for the streams that are published. Again after a change of backend: its cameras may be others. */
  async subscribe(): Promise<void> {
    await this.#daemon.send({ type: 'subscribe', joints: true, cameras: [...this.#daemon.state.cameras] });
  }

  onFrame(frame: StreamFrame): void {
    const stamp = this.#stamps.stamp(frame.timeMs, Date.now());
    if (frame.kind === 'joints') {
      for (const [index, { joints, transforms }] of this.#arms.entries()) {
        const of = (values: Float32Array): Float32Array =>
          values.subarray(index * ARM_JOINTS.length, (index + 1) * ARM_JOINTS.length);
        const message = jointState(stamp, of(frame.qpos), of(frame.qvel), of(frame.effort), this.#gripper);
        joints(message);
        this.#transforms(transforms.moving(stamp, message));
      }
    } else if (frame.kind === 'camera') {
      const camera = this.#daemon.state.cameras[frame.camera];
      if (camera === undefined) return;
      const { cameraTopic, decode } = this.#options;
      const topics = this.#cameras.get(camera) ?? new CameraTopics(this.#port, camera, cameraTopic, decode);
      this.#cameras.set(camera, topics);
      topics.publish(stamp, frame.jpeg, this.#daemon.state.intrinsics[camera]);
    }
  }

  publishDiagnostics(): void {
    this.#diagnostics(diagnostics(this.#port.now(), this.#daemon.state));
  }

  #serve(): void {
    const trigger = (name: string, command: CommandInput | (() => CommandInput)): void => {
      this.#port.serve(`${this.#options.name}/${name}`, 'std_srvs/srv/Trigger', () =>
        this.#ask(typeof command === 'function' ? command() : command),
      );
    };
    trigger('emergency_stop', { type: 'emergency_stop' });
    trigger('clear_emergency_stop', { type: 'clear_emergency_stop' });
    // With data true, control is taken away from whoever has it.
    this.#port.serve(`${this.#options.name}/take_control`, 'std_srvs/srv/SetBool', ({ data }) =>
      this.#ask({ type: 'take_control', force: data === true }),
    );
    trigger('release_control', { type: 'release_control' });
    trigger('hold', { type: 'mode', request: { mode: 'idle', torque: 'hold' } });
    trigger('limp', { type: 'mode', request: { mode: 'idle', torque: 'limp' } });
    trigger('start_remote', { type: 'mode', request: { mode: 'remote' } });
    trigger('start_trial', () => this.#trial());
    trigger('end_episode', { type: 'take', what: 'end' });
    trigger('repeat_episode', { type: 'take', what: 'again' });
    trigger('start_recording', { type: 'mode', request: { mode: 'record' } });
    this.#port.serve(`${this.#options.name}/label_episode`, 'std_srvs/srv/SetBool', async ({ data }) => {
      const episode = this.#daemon.state.run?.episodes.at(-1)?.recorded;
      if (episode === undefined) return refusal('no recorded episode to label: record one first');
      return await this.#ask({ type: 'label', episode, success: data === true });
    });
  }

  #trial(episodes?: number): CommandInput {
    const request: Extract<CommandInput, { type: 'mode' }>['request'] = {
      mode: 'trial',
      policy: this.#policy,
      execution: this.#execution,
      ...(episodes !== undefined && { episodes }),
    };
    return { type: 'mode', request };
  }

  #table(): Readonly<Record<string, Parameter>> {
    const { lower, upper } = this.#options.arm;
    const range = (description: string, values: readonly number[]): Parameter => ({
      kind: 'array',
      description: `${description} of each joint of an arm; read-only, of this make of arm`,
      get: () => values,
    });
    return {
      backend: {
        kind: 'text',
        description: `robot that the daemon drives: ${BACKENDS.join(', ')}`,
        get: () => this.#daemon.state.backend,
        set: async (value) => {
          const backend = BACKENDS.find((known) => known === value);
          if (!backend) return `there is no backend ${value}; there are ${BACKENDS.join(', ')}`;
          if (backend === this.#daemon.state.backend) return undefined;
          return await this.#refusal({ type: 'backend', backend });
        },
      },
      policy: {
        kind: 'text',
        description: 'policy of the next trial: script, the name of a shipped one, or a checkpoint folder',
        get: () => this.#policy,
        // oxlint-disable-next-line require-await
        set: async (value) => {
          if (value === '') return 'a policy has a name';
          this.#policy = value;
          return undefined;
        },
      },
      ensemble: {
        kind: 'text',
        description: `how the next trial makes actions of chunks: ${EXECUTIONS.join(', ')}`,
        get: () => this.#execution,
        // oxlint-disable-next-line require-await
        set: async (value) => {
          const execution = EXECUTIONS.find((known) => known === value);
          if (!execution) return `there is no ${value}; there are ${EXECUTIONS.join(', ')}`;
          this.#execution = execution;
          return undefined;
        },
      },
      'limits.velocity': {
        kind: 'number',
        description:
          'largest speed that any joint is told [rad/s], above 0 and at most pi; from the next tick on',
        get: () => this.#daemon.state.velocityRadPerS,
        set: async (velocityRadPerS) => await this.#refusal({ type: 'limit', velocityRadPerS }),
      },
      'limits.lower': range('least angle [rad]', lower),
      'limits.upper': range('largest angle [rad]', upper),
    };
  }

  readonly #refusal = async (command: CommandInput): Promise<string | undefined> => {
    try {
      await this.#daemon.send(command);
      return undefined;
    } catch (error) {
      return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    }
  };

  async #ask(command: CommandInput): Promise<RosMessage> {
    const reason = await this.#refusal(command);
    return reason === undefined ? { success: true, message: '' } : refusal(reason);
  }
}

const refusal = (message: string): RosMessage => ({ success: false, message });
