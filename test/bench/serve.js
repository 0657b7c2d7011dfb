/**
 * The daemon's numbers, over its own API: from `alohad serve` to a robot that moves, emergency stop from a client's
 * message to the arms holding, and the loop's lateness alone and with two viewers that take every stream.
 *
 *   node test/bench/serve.js [--stops 30] [--seconds 20] [--json FILE]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { ApiClient } from '../../dist/api/apiClient.js';
import { decodeFrame } from '../../dist/contract/apiFrames.js';

const { values } = parseArgs({
  options: {
    stops: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'alohad-bench-'));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function start(options) {
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    ['dist/main.js', 'serve', '--port', '0', '--log', join(folder, 'log'), '--episodes', folder, ...options],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const url = await new Promise((resolve) => {
    child.stdout.on('data', (data) => resolve(/http:\S+/.exec(String(data))[0]));
  });
  const stop = async () => {
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('close', resolve));
  };
  return { url, startedMs, stop };
}

/** A viewer that takes every stream; resolves `moving` when a joint has moved. */
function view(url) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}api`);
  socket.binaryType = 'arraybuffer';
  const frames = { camera: 0, joints: 0, chunk: 0 };
  let first;
  const moving = new Promise((resolve) => {
    socket.on('message', (data, binary) => {
      if (!binary) {
        const message = JSON.parse(Buffer.isBuffer(data) ? data.toString() : '{}');
        if (message.type !== 'welcome' && message.type !== 'state') return;
        const { cameras } = message.state;
        if (socket.subscribed === cameras.length) return;
        socket.subscribed = cameras.length;
        socket.send(JSON.stringify({ v: 1, type: 'subscribe', cameras, joints: true, chunks: true }));
        return;
      }
      const frame = decodeFrame(data);
      frames[frame.kind] += 1;
      if (frame.kind !== 'joints') return;
      first ??= frame.qpos.slice();
      if (frame.qpos.some((value, joint) => Math.abs(value - first[joint]) > 0.02))
        resolve(performance.now());
    });
  });
  return { socket, frames, moving };
}

async function until(client, wanted) {
  for (;;) {
    const state = await client.askState();
    if (wanted(state)) return state;
    await sleep(5);
  }
}

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];

// From the command to a robot that moves on a viewer's screen, with the shipped policy.
const moving = await start(['--mode', 'trial']);
const movingMs = (await view(moving.url).moving) - moving.startedMs;
await moving.stop();

// Emergency stop out of motion.
const daemon = await start([]);
const client = await ApiClient.connect({ url: daemon.url });
await until(client, ({ arms }) => arms === 'holding');
const seen = [];
for (let n = 0; n < Number(values.stops); n++) {
  await client.send({ type: 'mode', request: { mode: 'trial', policy: 'script', episodes: 1 } });
  await until(client, ({ arms }) => arms === 'active' || arms === 'aligning');
  await sleep(137);
  const askedMs = performance.now();
  await client.send({ type: 'emergency_stop' });
  await until(client, ({ arms, mode }) => arms === 'holding' && mode === 'idle');
  seen.push(performance.now() - askedMs);
  await client.send({ type: 'clear_emergency_stop' });
}
seen.sort((a, b) => a - b);
await sleep(600);
const { stopping } = (await client.askState()).loop;
client.close();
await daemon.stop();

/** Lateness over some seconds of a scripted trial; the histogram begins with the daemon. */
async function lateness(viewers) {
  const served = await start([]);
  const asking = await ApiClient.connect({ url: served.url });
  await until(asking, ({ arms }) => arms === 'holding');
  const views = Array.from({ length: viewers }, () => view(served.url));
  await asking.send({ type: 'mode', request: { mode: 'trial', policy: 'script', episodes: 100 } });
  await sleep(Number(values.seconds) * 1000);
  const { late, busy, missed, ticks } = (await asking.askState()).loop;
  const frames = views.map((one) => ({ ...one.frames }));
  for (const { socket } of views) socket.terminate();
  asking.close();
  await served.stop();
  return {
    viewers,
    ticks,
    missed,
    lateP50Ms: late.p50Ms,
    lateP99Ms: late.p99Ms,
    busyP99Ms: busy.p99Ms,
    frames,
  };
}

const result = {
  cpu: `${cpus().length} x ${cpus()[0].model}`,
  loadAverage: loadavg()[0],
  startToMovingMs: movingMs,
  emergencyStop: {
    stops: seen.length,
    untilSeenP50Ms: percentile(seen, 0.5),
    untilSeenP99Ms: percentile(seen, 0.99),
    loopP50Ms: stopping.p50Ms,
    loopP99Ms: stopping.p99Ms,
  },
  lateness: [await lateness(0), await lateness(2)],
};
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
