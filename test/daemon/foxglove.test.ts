/** Foxglove's port of a running daemon, in simulation. */
import { createServer, type AddressInfo } from 'node:net';
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FoxgloveViewer } from '../foxglove/foxgloveViewer.js';
import { ServedDaemon, until } from './servedDaemon.js';

/** Some seconds; much longer where the machine has other things to do [ms]. */
const PATIENCE_MS = 180_000;

let daemon: ServedDaemon;
let viewer: FoxgloveViewer;
beforeAll(async () => {
  const port = await freePort();
  daemon = await ServedDaemon.start(['--foxglove-port', String(port)]);
  const client = await daemon.client();
  await until(client, ({ arms }) => arms === 'holding');
  client.close();
  viewer = new FoxgloveViewer(port);
}, PATIENCE_MS);
afterAll(async () => {
  viewer.socket.close();
  expect(await daemon.stop()).toBe(0);
});

/** The next message of a topic, read by its own schema. */
async function look<T>(topic: string): Promise<T> {
  const id = await viewer.channel(topic);
  const { schema, encoding } = viewer.channels.find((channel) => channel.id === id)!;
  viewer.send({ op: 'subscribe', subscriptions: [{ id, channelId: id }] });
  const mine = () => viewer.messages.find(({ subscription }) => subscription === id);
  await viewer.until(() => mine() !== undefined);
  const { payload, timeNs } = mine()!;
  // Wall-clock time; the description's is when the daemon started.
  expect(Math.abs(Number(timeNs / 1_000_000n) - Date.now())).toBeLessThan(3_600_000);
  if (encoding === 'json') return JSON.parse(new TextDecoder().decode(payload));
  return new MessageReader<T>(parse(schema, { ros2: true })).readMessage(payload);
}

it(
  'shows joints, commands, cameras, frames, timing and the description, each by its schema',
  async () => {
    interface Joints {
      name: string[];
      position: Float64Array;
    }
    for (const arm of ['left', 'right']) {
      const observed = await look<Joints>(`/follower_${arm}/joint_states`);
      expect(observed.name[1]).toBe(`${arm}_shoulder`);
      const commanded = await look<Joints>(`/follower_${arm}/commands`);
      expect(commanded.position).toHaveLength(7);
      expect(commanded.position.every(Number.isFinite)).toBe(true);
    }
    const { format, data } = await look<{ format: string; data: Uint8Array }>('/cam_high/image/compressed');
    expect([format, ...data.subarray(0, 3)]).toEqual(['jpeg', 0xff, 0xd8, 0xff]);
    const { transforms } = await look<{ transforms: { child_frame_id: string }[] }>('/tf');
    expect(transforms.map((transform) => transform.child_frame_id)).toContain('follower_right/gripper_link');
    expect((await look<{ data: string }>('/robot_description')).data).toContain('follower_left/base_link');
    expect(await look('/timing')).toMatchObject({ late_ms: expect.any(Number) });
  },
  PATIENCE_MS,
);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
