/**
 * What the Interbotix driver offers of each arm, by the same names: with its types where they are installed, with
 * std_srvs otherwise. The daemon's arms have torque together: what is asked of one is done to both.
 */
import type { CommandInput } from '../contract/api.js';
import type { ServedState } from '../contract/apiState.js';
import type { Arm } from '../contract/robot.js';
import type { RosMessage, RosPort } from './rosPort.js';

/** One arm, as `get_robot_info` tells it; arrays are of its seven joints. */
export interface ArmInfo {
  readonly jointNames: readonly string[];
  readonly jointIds: readonly number[];
  /** [rad] */
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  /** [rad/s] */
  readonly velocity: readonly number[];
  /** Where it lies without torque [rad]. */
  readonly sleep: readonly number[];
}

/** Asks the daemon; the message of a refusal, undefined when it was done. */
export type Ask = (command: CommandInput) => Promise<string | undefined>;

const HOLD: CommandInput = { type: 'mode', request: { mode: 'idle', torque: 'hold' } };
const LIMP: CommandInput = { type: 'mode', request: { mode: 'idle', torque: 'limp' } };
/** Modes of the servos while the daemon drives them; source: calibration/vx300s.yaml. */
const OPERATING_MODES = { arm: 'position', gripper: 'current_based_position' } as const;
const STIFF: readonly ServedState['arms'][] = ['holding', 'aligning', 'active'];

export function serveArm(
  port: RosPort,
  arm: Arm,
  namespace: string,
  info: ArmInfo,
  arms: () => ServedState['arms'],
  ask: Ask,
): void {
  const interbotix = port.hasType('interbotix_xs_msgs/srv/TorqueEnable');
  /** Interbotix's answers have no room for a refusal: it goes to the log. */
  const quietly = async (name: string, work: () => Promise<string | undefined>): Promise<RosMessage> => {
    const refusal = await work();
    if (refusal !== undefined) port.warn(`/${namespace}/${name}: ${refusal}`);
    return {};
  };
  const torque = async (enable: boolean): Promise<string | undefined> =>
    enable && STIFF.includes(arms()) ? undefined : await ask(enable ? HOLD : LIMP);
  const reboot = async (): Promise<string | undefined> =>
    STIFF.includes(arms())
      ? 'the arms have torque and would fall: park them first (torque_enable false)'
      : await ask({ type: 'reboot', arm: `follower_${arm}` });

  if (interbotix) {
    const serve = (
      name: string,
      type: string,
      work: (request: RosMessage) => Promise<string | undefined>,
    ): void => {
      port.serve(`/${namespace}/${name}`, `interbotix_xs_msgs/srv/${type}`, (request) =>
        quietly(name, () => work(request)),
      );
    };
    serve('torque_enable', 'TorqueEnable', async ({ cmd_type: kind, name, enable }) =>
      kind === 'group' && name === 'all'
        ? await torque(enable === true)
        : `torque of ${String(name)} alone: the arms have it together; ask for group all`,
    );
    serve('reboot_motors', 'Reboot', reboot);
    serve('set_operating_modes', 'OperatingModes', ({ name, mode }) => {
      const wanted = name === 'gripper' ? OPERATING_MODES.gripper : OPERATING_MODES.arm;
      const refusal =
        mode === wanted && name !== 'all'
          ? undefined
          : `mode ${String(mode)} of ${String(name)}: the daemon drives arms by position, grippers by current_based_position`;
      return Promise.resolve(refusal);
    });
    port.serve(`/${namespace}/get_robot_info`, 'interbotix_xs_msgs/srv/RobotInfo', ({ name }) =>
      Promise.resolve(robotInfo(info, String(name))),
    );
    return;
  }
  const answer = (refusal: string | undefined): RosMessage => ({
    success: refusal === undefined,
    message: refusal ?? '',
  });
  port.serve(`/${namespace}/torque_enable`, 'std_srvs/srv/SetBool', async ({ data }) =>
    answer(await torque(data === true)),
  );
  port.serve(`/${namespace}/reboot_motors`, 'std_srvs/srv/Trigger', async () => answer(await reboot()));
  port.serve(`/${namespace}/set_operating_modes`, 'std_srvs/srv/Trigger', () =>
    Promise.resolve({ success: true, message: JSON.stringify(OPERATING_MODES) }),
  );
  port.serve(`/${namespace}/get_robot_info`, 'std_srvs/srv/Trigger', () =>
    Promise.resolve({ success: true, message: JSON.stringify(info) }),
  );
}

function robotInfo(info: ArmInfo, name: string): RosMessage {
  const gripper = info.jointNames.length - 1;
  const last = name === 'arm' ? gripper : gripper + 1;
  const first = name === 'gripper' ? gripper : 0;
  const one = info.jointNames.indexOf(name);
  const of = (values: readonly number[]): number[] =>
    name !== 'gripper' && one >= 0 ? [values[one]!] : values.slice(first, last);
  const indices = of(info.jointNames.map((_, i) => i));
  return {
    mode: name === 'gripper' ? OPERATING_MODES.gripper : OPERATING_MODES.arm,
    profile_type: 'velocity',
    joint_names: indices.map((i) => info.jointNames[i]!),
    joint_ids: Int16Array.from(of(info.jointIds)),
    joint_lower_limits: Float32Array.from(of(info.lower)),
    joint_upper_limits: Float32Array.from(of(info.upper)),
    joint_velocity_limits: Float32Array.from(of(info.velocity)),
    joint_sleep_positions: Float32Array.from(of(info.sleep)),
    joint_state_indices: Int16Array.from(indices),
    num_joints: indices.length,
    name: [name],
  };
}
