/** The node behind a real API server and client, on a network in memory. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
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
let running: Promise<void>;

beforeEach(async () => {
  served = await serveFake();
  const network = new MemoryNetwork();
  peer = network.port();
  controller.abort = new AbortController();
  const url = `http://127.0.0.1:${served.server.port}`;
  running = runRosNodeOn(network.port(), { url, namespaces }, controller.abort.signal);
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
