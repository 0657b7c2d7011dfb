/** The node behind a real API server and client, on a network in memory. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiClient } from '#alohad/api/apiClient.js';
import { encodeJpeg } from '#alohad/imaging/jpeg.js';
import { runRosNodeOn } from '#alohad/daemon/rosNode.js';
import { UnavailableError } from '#alohad/contract/apiErrors.js';
import { encodeFrame, JOINT_FIELDS } from '#alohad/contract/apiFrames.js';
import { MemoryNetwork, type MemoryPort } from '#alohad/ros/memoryPort.js';
import type { RosMessage } from '#alohad/ros/rosPort.js';
import { serveFake } from '../api/fakeDaemon.js';

const namespaces = { left: 'follower_left', right: 'puppet_right' };
const controller = { abort: new AbortController() };
let served: Awaited<ReturnType<typeof serveFake>>;
let peer: MemoryPort;
let network: MemoryNetwork;
let running: Promise<void>;

beforeEach(async () => {
  served = await serveFake();
  network = new MemoryNetwork();
  peer = network.port();
  controller.abort = new AbortController();
  const url = `http://127.0.0.1:${served.server.port}`;
  running = runRosNodeOn(
    network.port(),
    { url, name: 'alohad', namespaces, waitS: 0 },
    controller.abort.signal,
  );
  running.catch(() => {});
  await vi.waitFor(() => {
    expect(served.daemon.watchedCameras.at(-1)?.has('cam_high')).toBe(true);
  }, 10_000);
});
afterEach(async () => {
  controller.abort.abort();
  await running.catch(() => {});
  await served.server.close();
});

const trigger = async (name: string): Promise<RosMessage> =>
  await peer.call(`/alohad/${name}`, 'std_srvs/srv/Trigger', {}, 10_000);

function listen(topic: string, type: string): RosMessage[] {
  const heard: RosMessage[] = [];
  peer.subscribe(topic, type, (message) => heard.push(message), 'latched');
  return heard;
}

it('tells the joints of each arm, nine of them, in its own namespace', async () => {
  const left = listen('/follower_left/joint_states', 'sensor_msgs/msg/JointState');
  const right = listen('/puppet_right/joint_states', 'sensor_msgs/msg/JointState');
  const numbers = new Float32Array(JOINT_FIELDS);
  numbers[0] = 0.5; // left waist
  numbers[6] = 1; // left gripper, open
  numbers[7] = -0.5; // right waist
  served.server.stream(
    ({ joints }) => joints,
    () => encodeFrame('joints', 0, 1, performance.now(), numbers),
  );
  await vi.waitFor(() => {
    expect(right).toHaveLength(1);
  }, 10_000);
  const position = left[0]?.['position'];
  expect(left[0]?.['name']).toHaveLength(9);
  expect(position).toHaveLength(9);
  // Waist, then the open gripper: motor [rad], fingers [m]; source: tonyzhaozh/aloha constants.py.
  expect(position).toMatchObject({ 0: 0.5, 7: expect.closeTo(0.058, 6), 8: expect.closeTo(-0.058, 6) });
  expect(position).toMatchObject({ 6: expect.closeTo(1.491, 6) });
  expect(right[0]?.['position']).toMatchObject({ 0: -0.5, 7: 0.01844 });
});

it('passes JPEGs on as they are', async () => {
  const images = listen(
    '/cam_high/camera/color/image_rect_raw/compressed',
    'sensor_msgs/msg/CompressedImage',
  );
  served.server.stream(
    ({ cameras }) => cameras.has('cam_high'),
    () => encodeFrame('camera', 0, 1, performance.now(), Uint8Array.of(0xff, 0xd8, 7)),
  );
  await vi.waitFor(() => {
    expect(images[0]).toMatchObject({ format: 'jpeg', data: Uint8Array.of(0xff, 0xd8, 7) });
  }, 10_000);
});

it('describes the arms to who comes late', () => {
  const [description] = listen('/puppet_right/robot_description', 'std_msgs/msg/String');
  expect(String(description?.['data'])).toContain('<robot');
});

it('tells how the daemon is', async () => {
  const heard = listen('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray');
  await vi.waitFor(() => {
    expect(heard[0]?.['status']).toMatchObject([{ name: 'alohad: arms', message: 'holding', level: 0 }, {}]);
  }, 10_000);
});

it('asks for modes, and tells the reason of a refusal', async () => {
  expect(await trigger('start_trial')).toEqual({ success: true, message: '' });
  expect(served.daemon.commands.at(-1)).toMatchObject({
    command: { type: 'mode', request: { mode: 'trial' } },
    who: 'ROS 2',
  });
  served.daemon.act = () => {
    throw new UnavailableError('no leader arms');
  };
  expect(await trigger('hold')).toEqual({ success: false, message: 'UnavailableError: no leader arms' });
});

it('says what becomes of the episode in progress', async () => {
  await trigger('end_episode');
  await trigger('repeat_episode');
  expect(commands()).toMatchObject([
    { type: 'take', what: 'end' },
    { type: 'take', what: 'again' },
  ]);
});

it('stops the arms for anybody', async () => {
  expect(await trigger('emergency_stop')).toMatchObject({ success: true });
  expect(served.daemon.stops).toEqual(['ROS 2']);
});

it('has no episode to label when none was recorded', async () => {
  const answer = await peer.call('/alohad/label_episode', 'std_srvs/srv/SetBool', { data: true }, 10_000);
  expect(answer).toMatchObject({ success: false });
  expect(served.daemon.commands).toEqual([]);
});

it('ends with a named error when the daemon does', async () => {
  await served.server.close();
  await expect(running).rejects.toThrow('the daemon ended');
});

const commands = () => served.daemon.commands.map(({ command }) => command);
const asked = async (count = 1) =>
  await vi.waitFor(() => {
    expect(commands().length).toBeGreaterThanOrEqual(count);
    return commands();
  }, 10_000);

describe('joint commands', () => {
  const time = (sec: number) => ({ sec, nanosec: 500_000_000 });

  it('of standard trajectories become moves of that arm, grippers as openings', async () => {
    peer.advertise(
      '/puppet_right/joint_trajectory',
      'trajectory_msgs/msg/JointTrajectory',
    )({
      joint_names: ['waist', 'gripper'],
      points: [
        { positions: Float64Array.of(0.25, 1.491), time_from_start: time(0) },
        { positions: Float64Array.of(0.5, -0.6213), time_from_start: time(1) },
      ],
    });
    expect(await asked()).toMatchObject([
      {
        type: 'move',
        moves: [
          {
            joints: [7, 13],
            points: [
              { timeS: 0.5, positions: [0.25, expect.closeTo(1, 9)] },
              { timeS: 1.5, positions: [0.5, expect.closeTo(0, 9)] },
            ],
          },
        ],
      },
    ]);
  });

  it('of Interbotix are gathered, the newest of each group', async () => {
    const group = peer.advertise(
      '/follower_left/commands/joint_group',
      'interbotix_xs_msgs/msg/JointGroupCommand',
    );
    const single = peer.advertise(
      '/follower_left/commands/joint_single',
      'interbotix_xs_msgs/msg/JointSingleCommand',
    );
    group({ name: 'arm', cmd: new Float32Array(6) });
    group({ name: 'arm', cmd: new Float32Array(6).fill(0.5) });
    single({ name: 'gripper', cmd: 1.491 });
    expect(await asked()).toMatchObject([
      {
        type: 'move',
        moves: [
          { joints: [0, 1, 2, 3, 4, 5], points: [{ timeS: 0, positions: [0.5, 0.5, 0.5, 0.5, 0.5, 0.5] }] },
          { joints: [6] },
        ],
      },
    ]);
  });

  it('that are no commands are told about and go nowhere', async () => {
    const group = peer.advertise(
      '/follower_left/commands/joint_group',
      'interbotix_xs_msgs/msg/JointGroupCommand',
    );
    group({ name: 'arm', cmd: Float32Array.of(0, 1, Number.NaN, 0, 0, 0) });
    group({ name: 'arm', cmd: Float32Array.of(0) });
    group({ name: 'legs', cmd: Float32Array.of(0) });
    expect(network.warnings).toHaveLength(2);
    expect(network.warnings[0]).toContain('6 finite positions');
    expect(network.warnings[1]).toContain('legs');
    await trigger('hold');
    expect(commands().map(({ type }) => type)).toEqual(['mode']);
  });

  it('that the daemon refuses are told about', async () => {
    served.daemon.act = () => {
      throw new UnavailableError('the arms take moves in mode remote');
    };
    peer.advertise(
      '/follower_left/joint_trajectory',
      'trajectory_msgs/msg/JointTrajectory',
    )({ joint_names: ['waist'], points: [{ positions: [0.1] }] });
    await vi.waitFor(() => {
      expect(network.warnings.join()).toContain('mode remote');
    }, 10_000);
  });
});

it('does not take control from another client unless told to', async () => {
  const other = await ApiClient.connect({ url: `http://127.0.0.1:${served.server.port}` });
  await other.send({ type: 'take_control' });
  const take = async (data: boolean) =>
    await peer.call('/alohad/take_control', 'std_srvs/srv/SetBool', { data }, 10_000);
  expect(await take(false)).toMatchObject({
    success: false,
    message: expect.stringContaining('ControlHeldError'),
  });
  expect(await take(true)).toMatchObject({ success: true });
  other.close();
});

it('gives torque and takes it as the Interbotix driver would, for all joints only', async () => {
  const torque = async (request: RosMessage) =>
    await peer.call('/follower_left/torque_enable', 'interbotix_xs_msgs/srv/TorqueEnable', request, 10_000);
  await torque({ cmd_type: 'single', name: 'waist', enable: false });
  expect(network.warnings.join()).toContain('group all');
  await torque({ cmd_type: 'group', name: 'all', enable: true }); // They hold already.
  expect(commands()).toEqual([]);
  await torque({ cmd_type: 'group', name: 'all', enable: false });
  expect(commands()).toMatchObject([{ type: 'mode', request: { mode: 'idle', torque: 'limp' } }]);
  served.daemon.commands.length = 0;
  const reboot = async () =>
    await peer.call('/puppet_right/reboot_motors', 'interbotix_xs_msgs/srv/Reboot', {}, 10_000);
  await reboot();
  expect(commands()).toEqual([]);
  expect(network.warnings.join()).toContain('park them first');
  served.daemon.state = { ...served.daemon.state, arms: 'faulted' };
  served.server.changed();
  await vi.waitFor(async () => {
    await reboot();
    expect(commands()[0]).toMatchObject({ type: 'reboot', arm: 'follower_right' });
  }, 10_000);
  const info = await peer.call(
    '/follower_left/get_robot_info',
    'interbotix_xs_msgs/srv/RobotInfo',
    { cmd_type: 'group', name: 'arm' },
    10_000,
  );
  expect(info).toMatchObject({ num_joints: 6, joint_names: expect.arrayContaining(['waist']) });
});

it('is driven through its states by ros2 lifecycle', async () => {
  const state = async () => await peer.call('/alohad/get_state', 'lifecycle_msgs/srv/GetState', {}, 10_000);
  const change = async (id: number) =>
    await peer.call('/alohad/change_state', 'lifecycle_msgs/srv/ChangeState', { transition: { id } }, 10_000);
  expect(await state()).toMatchObject({ current_state: { label: 'unconfigured' } });
  expect(await change(3)).toEqual({ success: false });
  expect(await change(1)).toEqual({ success: true });
  expect(commands()).toMatchObject([{ type: 'mode', request: { mode: 'idle', torque: 'limp' } }]);
  // The fake daemon's arms hold whatever it is told.
  expect(await state()).toMatchObject({ current_state: { label: 'active' } });
  served.daemon.act = () => {
    throw new UnavailableError('no');
  };
  expect(await change(4)).toEqual({ success: false });
  expect(await state()).toMatchObject({ current_state: { label: 'active' } });
});

it('has parameters whose changes the daemon may refuse', async () => {
  const set = async (name: string, text: string) =>
    await peer.call(
      '/alohad/set_parameters',
      'rcl_interfaces/srv/SetParameters',
      { parameters: [{ name, value: { type: 4, string_value: text } }] },
      10_000,
    );
  expect(await set('backend', 'moon')).toMatchObject({
    results: [{ successful: false, reason: expect.stringContaining('there are sim, real') }],
  });
  expect(await set('limits.upper', '9')).toMatchObject({
    results: [{ successful: false, reason: expect.stringContaining('read-only') }],
  });
  const setSpeed = async (value: RosMessage) =>
    await peer.call(
      '/alohad/set_parameters',
      'rcl_interfaces/srv/SetParameters',
      { parameters: [{ name: 'limits.velocity', value }] },
      10_000,
    );
  expect(await setSpeed({ type: 3, double_value: 0.5 })).toMatchObject({ results: [{ successful: true }] });
  // What `ros2 param set` makes of a whole number, as rclnodejs hands it over.
  expect(await setSpeed({ type: 2, integer_value: 1n })).toMatchObject({ results: [{ successful: true }] });
  expect(await setSpeed({ type: 4, string_value: 'fast' })).toMatchObject({
    results: [{ successful: false, reason: expect.stringContaining('is a number') }],
  });
  expect(commands().splice(0)).toEqual([
    expect.objectContaining({ type: 'limit', velocityRadPerS: 0.5 }),
    expect.objectContaining({ type: 'limit', velocityRadPerS: 1 }),
  ]);
  served.daemon.commands.length = 0;
  expect(await set('policy', 'script')).toMatchObject({ results: [{ successful: true }] });
  expect(await set('backend', 'emulated')).toMatchObject({ results: [{ successful: true }] });
  await trigger('start_trial');
  expect(commands()).toMatchObject([
    { type: 'backend', backend: 'emulated' },
    { type: 'mode', request: { mode: 'trial', policy: 'script', execution: 'ensemble' } },
  ]);
});

it('runs a trial as an action: feedback of each episode, and the end of it when cancelled', async () => {
  const { action } = network.actions.get('/alohad/trial')!;
  expect(action.refuse({ order: 0 })).toContain('number of episodes');
  expect(action.refuse({ order: 2 })).toBeUndefined();
  const told: RosMessage[] = [];
  const cancelled = new AbortController();
  const episode = { seed: 0, maxReward: 4, success: true };
  served.daemon.state = {
    ...served.daemon.state,
    mode: 'trial',
    run: { source: '', wanted: 2, done: 1, judged: 1, successes: 1, wilson95: [0, 1], episodes: [episode] },
  };
  const worked = action.work({ order: 2 }, (feedback) => told.push(feedback), cancelled.signal);
  await vi.waitFor(() => {
    expect(told).toEqual([{ sequence: Int32Array.of(1) }]);
  }, 10_000);
  cancelled.abort();
  expect(await worked).toEqual({ outcome: 'cancelled', result: { sequence: Int32Array.of(1) } });
  expect(commands().at(-1)).toMatchObject({ request: { mode: 'idle' } });
});

it('tells where the frames are', async () => {
  const fixed = listen('/tf_static', 'tf2_msgs/msg/TFMessage');
  expect(JSON.stringify(fixed[0])).toContain('"child_frame_id":"follower_left/ee_gripper_link"');
  const moving = listen('/tf', 'tf2_msgs/msg/TFMessage');
  const numbers = new Float32Array(JOINT_FIELDS);
  numbers[0] = Math.PI / 2;
  served.server.stream(
    ({ joints }) => joints,
    () => encodeFrame('joints', 0, 1, performance.now(), numbers),
  );
  await vi.waitFor(() => {
    expect(moving).toHaveLength(2);
  }, 10_000);
  expect(moving[0]).toMatchObject({
    transforms: expect.arrayContaining([
      expect.objectContaining({
        child_frame_id: 'follower_left/shoulder_link',
        transform: {
          translation: { x: 0, y: 0, z: 0.079 },
          rotation: { x: 0, y: 0, z: expect.closeTo(Math.SQRT1_2, 6), w: expect.closeTo(Math.SQRT1_2, 6) },
        },
      }),
    ]),
  });
});

it('decodes images while somebody listens to them', async () => {
  const rgb = new Uint8Array(16 * 8 * 3).fill(128);
  const jpeg = encodeJpeg({ width: 16, height: 8, rgb });
  const send = (): void => {
    served.server.stream(
      ({ cameras }) => cameras.has('cam_high'),
      () => encodeFrame('camera', 0, 1, performance.now(), jpeg),
    );
  };
  const images = listen('/cam_high/camera/color/image_rect_raw', 'sensor_msgs/msg/Image');
  const info = listen('/cam_high/camera/color/camera_info', 'sensor_msgs/msg/CameraInfo');
  send();
  await vi.waitFor(() => {
    expect(info[0]).toMatchObject({ width: 16, height: 8 });
  }, 10_000);
  expect(images[0]).toMatchObject({ width: 16, height: 8, encoding: 'rgb8', step: 48 });
  // The fake daemon's camera has 640 x 480 and a focal length of 480; 16 x 8 is a fortieth and a sixtieth of that.
  expect(info[0]).toMatchObject({ distortion_model: 'plumb_bob', d: new Float64Array(5) });
  const k = [12, 0, 320.5 / 40 - 0.5, 0, 8, 240.5 / 60 - 0.5, 0, 0, 1];
  const told = info[0]?.['k'];
  expect(told instanceof Float64Array && [...told]).toEqual(k.map((value) => expect.closeTo(value, 9)));
});

it('says of a camera that nobody calibrated that its K is unknown', async () => {
  served.daemon.state = { ...served.daemon.state, intrinsics: {} };
  served.server.changed();
  const jpeg = encodeJpeg({ width: 16, height: 8, rgb: new Uint8Array(16 * 8 * 3) });
  const info = listen('/cam_high/camera/color/camera_info', 'sensor_msgs/msg/CameraInfo');
  await vi.waitFor(() => {
    served.server.stream(
      ({ cameras }) => cameras.has('cam_high'),
      () => encodeFrame('camera', 0, 1, performance.now(), jpeg),
    );
    expect(info.at(-1)).toMatchObject({ width: 16, k: new Float64Array(9) });
  }, 10_000);
});
