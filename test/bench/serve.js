/**
 * The daemon's numbers as a person with a browser meets them:
 *
 * - from `alohad serve` to a robot that moves in the browser;
 * - the loop's lateness alone, and with two Chromium browsers, the recorder and (where ROS 2 is sourced) the ROS node,
 *   in alternate phases of one daemon, so that nothing else differs;
 * - emergency stop: from the click in the browser to the last write on the emulated buses that changes a goal, and from
 *   the daemon hearing of it to the loop holding.
 *
 *   node test/bench/serve.js [--stops 200] [--seconds 20] [--rounds 3] [--images jpeg] [--json FILE]
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { ApiClient } from '../../dist/api/apiClient.js';
import { CHROMIUM } from './chromium.js';
import { loadArmProfile, loadGripper } from '../../dist/config/armFiles.js';
import { Emulator } from '../../dist/hardware/emulator/emulator.js';

const { values } = parseArgs({
  options: {
    stops: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    images: { type: 'string', default: 'none' },
    json: { type: 'string' },
  },
});
if (!CHROMIUM) throw new Error('this bench needs a Chromium: apt-get install chromium');
const BLANK = 'about:blank';
/** Viewers have come or gone by then. */
const SETTLE_MS = 4000;
/** Nothing changes a goal for so long: the arms hold. */
const STILL_MS = 250;

const folder = mkdtempSync(join(tmpdir(), 'alohad-bench-'));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const unixMs = () => performance.timeOrigin + performance.now();
const say = (text) => process.stderr.write(`${text}\n`);
const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];

const daemons = new Set();

async function start(options) {
  const startedMs = unixMs();
  const child = spawn(
    process.execPath,
    ['dist/main.js', 'serve', '--port', '0', '--log', join(folder, 'log'), '--episodes', folder, ...options],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  daemons.add(child);
  child.once('close', () => daemons.delete(child));
  const url = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
      const found = /http:\S+/.exec(text);
      if (found) resolve(found[0]);
    });
    child.once('close', (code) => reject(new Error(`the daemon ended (${code})`)));
  });
  const stop = async () => {
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('close', resolve));
  };
  return { url, startedMs, stop };
}

async function until(client, wanted) {
  for (;;) {
    const state = await client.askState();
    if (wanted(state)) return state;
    await sleep(10);
  }
}

const browsers = await Promise.all(
  [1, 2].map(() => chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })),
);
const pages = await Promise.all(browsers.map((browser) => browser.newPage()));
const [page] = pages;
for (const one of pages) one.setDefaultTimeout(300_000);
// In the page: when a joint was first seen elsewhere, in a picture that was shown; and when STOP was last clicked.
await page.addInitScript(() => {
  const now = () => performance.timeOrigin + performance.now();
  let first;
  window.WebSocket = class extends WebSocket {
    constructor(url) {
      super(url);
      super.addEventListener('message', ({ data }) => {
        if (typeof data === 'string' || new DataView(data).getUint8(1) !== 2 || window.movedMs) return;
        const qpos = new Float32Array(data, 16, 14);
        first ??= qpos.slice();
        if (qpos.some((value, joint) => Math.abs(value - first[joint]) > 0.02))
          requestAnimationFrame(() => (window.movedMs ??= now()));
      });
    }
  };
  document.addEventListener(
    'click',
    ({ target, timeStamp }) => {
      if (target.id === 'stop') window.clickedMs = performance.timeOrigin + timeStamp;
    },
    { capture: true },
  );
});

/** How far the browser's clock is ahead of ours, and how well that is known [ms]. */
async function clockOffset() {
  let best = { offsetMs: 0, withinMs: Infinity };
  for (let n = 0; n < 50; n++) {
    const before = unixMs();
    const there = await page.evaluate(() => performance.timeOrigin + performance.now());
    const after = unixMs();
    if ((after - before) / 2 < best.withinMs)
      best = { offsetMs: there - (before + after) / 2, withinMs: (after - before) / 2 };
  }
  return best;
}

async function startToMoving() {
  const daemon = await start(['--mode', 'trial']);
  await page.goto(daemon.url, { waitUntil: 'domcontentloaded' });
  await page.waitForFunction(() => window.movedMs);
  const movedMs = await page.evaluate(() => window.movedMs);
  const { offsetMs } = await clockOffset();
  await page.goto(BLANK);
  await daemon.stop();
  return movedMs - offsetMs - daemon.startedMs;
}

/** ROS 2's node as a child, where it can run. */
const ros = process.env.ROS_DISTRO === undefined ? 'skipped: ROS 2 is not sourced' : process.env.ROS_DISTRO;
function startRos(url) {
  if (process.env.ROS_DISTRO === undefined) return undefined;
  return spawn(process.execPath, ['dist/main.js', 'ros', '--url', url], { stdio: 'ignore' });
}

/** Lateness of the ticks between two histograms. */
function between(before, after) {
  const old = new Map(before.lateHistogram);
  const rows = after.lateHistogram.map(([upper, count]) => [upper, count - (old.get(upper) ?? 0)]);
  const all = rows.reduce((sum, [, count]) => sum + count, 0);
  const at = (fraction) => {
    let seen = 0;
    for (const [upper, count] of rows) if ((seen += count) >= fraction * all) return upper;
    return 0;
  };
  const longest = rows.findLast(([, count]) => count > 0)?.[0] ?? 0;
  return {
    ticks: all,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    longestMs: longest,
    missed: after.missed - before.missed,
    rows,
  };
}

/** Adds phases of one kind. */
function together(phases) {
  const sum = new Map();
  for (const { rows } of phases)
    for (const [upper, count] of rows) sum.set(upper, (sum.get(upper) ?? 0) + count);
  const lateHistogram = [...sum].sort(([a], [b]) => a - b);
  const missed = phases.reduce((all, phase) => all + phase.missed, 0);
  return between({ lateHistogram: [], missed: 0 }, { lateHistogram, missed });
}

async function lateness() {
  const daemon = await start([]);
  const client = await ApiClient.connect({ url: daemon.url });
  await until(client, ({ arms }) => arms === 'holding');
  const phases = { alone: [], watched: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const kind of ['alone', 'watched']) {
      const watched = kind === 'watched';
      await client.send({
        type: 'mode',
        request: watched
          ? { mode: 'record', policy: 'script', episodes: 1000, seed: 1000 * round, images: values.images }
          : { mode: 'trial', policy: 'script', episodes: 1000 },
      });
      const node = watched ? startRos(daemon.url) : undefined;
      await Promise.all(
        pages.map((one) => one.goto(watched ? daemon.url : BLANK, { waitUntil: 'domcontentloaded' })),
      );
      await sleep(SETTLE_MS);
      const before = (await client.askState()).loop;
      await sleep(Number(values.seconds) * 1000);
      const after = await client.askState();
      const pictures = watched
        ? await Promise.all(pages.map((one) => one.locator('#cameras figcaption').allInnerTexts()))
        : [];
      node?.kill('SIGINT');
      const phase = { ...between(before, after.loop), clients: after.clients, pictures: pictures.flat() };
      phases[kind].push(phase);
      say(
        `${kind}: late p99 ${phase.p99Ms.toFixed(3)} ms, longest ${phase.longestMs.toFixed(1)} ms, ${phase.clients} clients, ${phase.missed} of ${phase.ticks} missed`,
      );
    }
  }
  await Promise.all(pages.map((one) => one.goto(BLANK)));
  await client.send({ type: 'mode', request: { mode: 'idle' } });
  client.close();
  await daemon.stop();
  const withoutRows = (phase) => ({ ...phase, rows: undefined });
  const [alone, watched] = [together(phases.alone), together(phases.watched)];
  return {
    images: values.images,
    ros,
    phases: { alone: phases.alone.map(withoutRows), watched: phases.watched.map(withoutRows) },
    alone: withoutRows(alone),
    watched: withoutRows(watched),
    p99GrowthMs: watched.p99Ms - alone.p99Ms,
  };
}

/** An episode to play again: motion from its first step to its last. */
function recordEpisode() {
  const out = join(folder, 'replayed');
  const { status } = spawnSync(
    process.execPath,
    [
      'dist/main.js',
      'record',
      '--policy',
      'script',
      '--episodes',
      '1',
      '--seed',
      '0',
      '--images',
      'none',
      '--out',
      out,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (status !== 0) throw new Error(`recording an episode failed (${status})`);
  return join(
    out,
    readdirSync(out).find((file) => file.endsWith('.mcap')),
  );
}

/** Stops out of the replay of `episode`, on emulated servos of this process, which note what they are told when. */
async function emergencyStops(episode) {
  const arms = ['follower_left', 'follower_right'];
  const profile = loadArmProfile('vx300s');
  const changed = new SharedArrayBuffer(8 * arms.length);
  const times = new Float64Array(changed);
  const emulator = await Emulator.start(
    arms.map((name, seed) => ({
      name,
      path: join(folder, name),
      arm: profile,
      wire: { baudRate: 1e6 },
      seed,
    })),
    {
      plant: {
        module: new URL('./lastGoalPlant.js', import.meta.url).href,
        options: { changed, pose: profile.sleepPose },
        arms: arms.map((bus) => ({ bus, gripper: loadGripper('aloha', 'follower') })),
      },
    },
  );
  const rig = join(folder, 'rig.yaml');
  const buses = arms.map((name) => `  ${name}: { port: ${join(folder, name)}, arm: vx300s }\n`).join('');
  writeFileSync(rig, `name: bench\nbackend: real\nbuses:\n${buses}`);
  const daemon = await start(['--rig', rig]);
  const client = await ApiClient.connect({ url: daemon.url });
  await until(client, ({ arms: state }) => state === 'limp');
  await page.goto(daemon.url, { waitUntil: 'domcontentloaded' });
  await page.locator('#arms', { hasText: 'limp' }).waitFor();
  const button = await page.locator('#stop').boundingBox();
  const { offsetMs, withinMs } = await clockOffset();
  const lastChange = () => Math.max(...times);
  const moves = () => times.every((time) => unixMs() - time < 60);
  const clickToWrite = [];
  const clickToDaemon = [];
  let asked = 0;
  while (clickToWrite.length < Number(values.stops)) {
    asked += 1;
    await client.send({ type: 'mode', request: { mode: 'replay', episode } });
    const givenUpMs = unixMs() + 5000;
    while (!moves() && unixMs() < givenUpMs) await sleep(5);
    await sleep(100 + 400 * ((asked * 0.618) % 1));
    if (moves()) {
      await page.mouse.click(button.x + button.width / 2, button.y + button.height / 2);
      while (unixMs() - lastChange() < STILL_MS) await sleep(20);
      const clickedMs = (await page.evaluate(() => window.clickedMs)) - offsetMs;
      const { emergencyStop } = await client.askState();
      clickToWrite.push(lastChange() - clickedMs);
      clickToDaemon.push(emergencyStop.at - clickedMs);
      if (clickToWrite.length % 50 === 0) say(`${clickToWrite.length} of ${values.stops} stops`);
    } else await client.send({ type: 'emergency_stop' });
    await until(client, ({ mode }) => mode === 'idle');
    await client.send({ type: 'clear_emergency_stop' });
  }
  const { stopping } = (await client.askState()).loop;
  client.close();
  await daemon.stop();
  await emulator.close();
  const summary = (list) => {
    const sorted = list.toSorted((a, b) => a - b);
    return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), longestMs: sorted.at(-1) };
  };
  return {
    stops: clickToWrite.length,
    clocksWithinMs: withinMs,
    clickToLastGoalOnTheBus: summary(clickToWrite),
    /** The daemon notes whole milliseconds. */
    clickToDaemon: summary(clickToDaemon),
    daemonToLoop: stopping,
  };
}

const loadBefore = loadavg()[0];
if (loadBefore > 1)
  say(`the machine is loaded (${loadBefore.toFixed(1)}): these will be its numbers, not ours`);
try {
  const startToMovingMs = await startToMoving();
  say(`start to moving in the browser: ${startToMovingMs.toFixed(0)} ms`);
  const watching = await lateness();
  const emergencyStop = await emergencyStops(recordEpisode());
  const all = {
    cpu: `${cpus().length} x ${cpus()[0].model}`,
    loadAverage: loadBefore,
    startToMovingMs,
    lateness: watching,
    emergencyStop,
  };
  process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
} finally {
  for (const child of daemons) child.kill('SIGINT');
  await Promise.all(browsers.map((browser) => browser.close()));
  rmSync(folder, { recursive: true, force: true });
}
