/**
 * The daemon over a long time: simulation, trial mode, the dashboard in a Chromium where there is one, a client that looks
 * at everything as the dashboard does, another that comes and goes. Is its memory flat, are its handles, did any part die?
 * The page's own memory is told beside.
 *
 *   node test/bench/soak.js [--minutes 60] [--warmup MINUTES] [--every SECONDS] [--policy NAME] [--json FILE]
 *
 * Judged are medians over the last quarter against the first one after the warm-up (a tenth of the time, at most five
 * minutes). Exit code 1 when a judgement fails. Ctrl-C ends it early and judges what there is. Linux only: it reads /proc.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { ApiClient } from '../../dist/api/apiClient.js';
import { CHROMIUM } from './chromium.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    warmup: { type: 'string' },
    every: { type: 'string', default: '5' },
    policy: { type: 'string', default: 'shipped' },
    json: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const warmupMinutes = Number(values.warmup ?? Math.min(5, minutes / 10));
const everyMs = Number(values.every) * 1000;
/** Memory may grow by so much, of the first quarter's median; less is not a leak. */
const FLAT = 0.05;
/** Every so many samples another client comes, looks and goes; the lists are asked for and the metrics read. */
const VISIT_EVERY = 3;
/** Samples that the result file shows at most. */
const ROWS = 120;

const folder = mkdtempSync(join(tmpdir(), 'alohad-soak-'));
const log = join(folder, 'log');
const daemon = spawn(
  process.execPath,
  ['dist/main.js', 'serve', '--port', '0', '--log', log, '--episodes', folder],
  { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
);
let complaints = '';
daemon.stderr.on('data', (data) => (complaints += String(data)));
const ended = new Promise((resolve) => {
  daemon.once('close', (code, signal) => resolve(signal ?? code));
});
const url = await new Promise((resolve, reject) => {
  daemon.stdout.on('data', (data) => {
    const found = /http:\S+/.exec(String(data));
    if (found) resolve(found[0]);
  });
  void ended.then((code) => reject(new Error(`the daemon ended (${code}): ${complaints}`)));
});

/** What may end it before its time. */
const early = { interrupted: false, died: false };
const goesOn = () => !early.interrupted && !early.died;
process.on('SIGINT', () => (early.interrupted = true));
void ended.then(() => (early.died = true));
// Nothing stays behind a soak that fails itself.
process.on('exit', () => daemon.kill('SIGKILL'));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const frames = { camera: 0, joints: 0, chunk: 0 };
const looker = await ApiClient.connect(
  { url },
  () => {},
  ({ kind }) => (frames[kind] += 1),
);
while ((await looker.askState()).arms !== 'holding') await sleep(50);
await looker.send(everything(looker.state));

const browser =
  CHROMIUM &&
  (await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'], handleSIGINT: false }));
// Small: without a graphics card, drawing the page would be most of what this machine does.
const page = await browser?.newPage({ viewport: { width: 480, height: 360 } });
const pageErrors = [];
page?.on('pageerror', (error) => pageErrors.push(String(error)));
await page?.goto(url, { waitUntil: 'domcontentloaded', timeout: 300_000 });
const devtools = await page?.context().newCDPSession(page);

const samples = [];
let visits = 0;
const beganMs = performance.now();
const minutesNow = () => (performance.now() - beganMs) / 60_000;
while (goesOn() && minutesNow() < minutes) {
  try {
    await keepBusy();
    if (samples.length % VISIT_EVERY === VISIT_EVERY - 1) await visit();
    samples.push(sample(await looker.askState(), await pageMiB()));
  } catch (error) {
    if (!early.died) throw error;
  }
  tell();
  const dueMs = beganMs + samples.length * everyMs;
  while (goesOn() && performance.now() < dueMs) await sleep(Math.min(250, everyMs));
}
if (process.stderr.isTTY) process.stderr.write('\n');

looker.close();
await browser?.close();
const diedEarly = early.died;
const complained = complaints;
daemon.kill('SIGINT');
const exit = await ended;
const result = judge();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${JSON.stringify({ ...result, series: undefined }, null, 2)}\n`);
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
process.exitCode = Object.values(result.passed).every(Boolean) ? 0 : 1;

function everything({ cameras }) {
  return { type: 'subscribe', cameras: [...cameras], joints: true, chunks: true };
}

/** The trial goes on: a run that is over is begun anew. */
async function keepBusy() {
  const { mode, changing } = await looker.askState();
  if (mode !== 'idle' || changing) return;
  await looker.send({ type: 'mode', request: { mode: 'trial', policy: values.policy, episodes: 100 } });
}

/** What a browser does that opens the page for a moment, and what Prometheus does. */
async function visit() {
  visits += 1;
  await (await fetch(url)).arrayBuffer();
  const metrics = await fetch(`${url}metrics`);
  if (!metrics.ok) throw new Error(`/metrics answered ${metrics.status}`);
  await metrics.arrayBuffer();
  const visitor = await ApiClient.connect({ url });
  await visitor.send(everything(visitor.state));
  await visitor.send({ type: 'episodes' });
  await sleep(300);
  visitor.close();
  await visitor.closed();
}

function sample({ loop, children, clients, run }, pageHeapMiB) {
  const processes = tree(daemon.pid).map(processFacts).filter(Boolean);
  const sum = (of) => processes.reduce((total, one) => total + one[of], 0);
  return {
    minute: minutesNow(),
    processes,
    rssMiB: sum('rssMiB'),
    pageHeapMiB,
    handles: sum('handles'),
    threads: sum('threads'),
    restarts: children.reduce((total, { deaths }) => total + deaths, 0),
    clients,
    episodes: run?.done ?? 0,
    missed: loop.missed,
    late: loop.lateHistogram,
  };
}

/** What the page's objects take, garbage apart; undefined without a browser. */
async function pageMiB() {
  if (!devtools) return undefined;
  await devtools.send('HeapProfiler.collectGarbage');
  return (await devtools.send('Runtime.getHeapUsage')).usedSize / 2 ** 20;
}

/** Process ids of a process and all below it. */
function tree(root) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The name of the program, in parentheses, may itself hold anything.
      const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1).split(' ');
      parents.set(Number(name), Number(parent));
    } catch {
      // It ended while we looked.
    }
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
}

function processFacts(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const number = (name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)[1]);
    return {
      pid,
      command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, 3).join(' '),
      rssMiB: number('VmRSS') / 1024,
      handles: readdirSync(`/proc/${pid}/fd`).length,
      threads: number('Threads'),
    };
  } catch {
    return undefined;
  }
}

function tell() {
  const last = samples.at(-1);
  if (!last || (!process.stderr.isTTY && samples.length % 60 !== 1)) return;
  const { minute, rssMiB, handles, restarts, episodes } = last;
  process.stderr.write(
    `${process.stderr.isTTY ? '\r' : ''}${minute.toFixed(1)} of ${minutes} min: ${rssMiB.toFixed(0)} MiB, ` +
      `${handles} handles, ${restarts} restarts, ${episodes} episodes${process.stderr.isTTY ? '   ' : '\n'}`,
  );
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** p99 of the ticks between two samples [ms]; rows are [upper bound, count]. */
function lateP99(from, to) {
  const before = new Map(from.late);
  const rows = to.late.map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]);
  const all = rows.reduce((total, [, count]) => total + count, 0);
  let seen = 0;
  return rows.find(([, count]) => (seen += count) >= 0.99 * all)?.[0] ?? 0;
}

function judge() {
  const warm = samples.filter(({ minute }) => minute >= warmupMinutes);
  const quarter = Math.floor(warm.length / 4);
  const [first, last] = [warm.slice(0, quarter), warm.slice(-quarter)];
  const compare = (of) => {
    const [before, after] = [median(first.map(of)), median(last.map(of))];
    return { first: before, last: after, growth: after / before - 1 };
  };
  const enough = quarter >= 3;
  const memory = enough ? compare(({ rssMiB }) => rssMiB) : undefined;
  const handles = enough ? compare((one) => one.handles) : undefined;
  const threads = enough ? compare((one) => one.threads) : undefined;
  const errors = existsSync(log)
    ? readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => /"level":(50|60)/.test(line))
    : ['no log'];
  const restarts = samples.at(-1)?.restarts;
  const every = Math.ceil(samples.length / ROWS);
  return {
    cpu: `${cpus().length} x ${cpus()[0].model}`,
    node: process.version,
    loadAverage: loadavg()[2],
    minutes: samples.at(-1)?.minute,
    warmupMinutes,
    samples: samples.length,
    visits,
    frames,
    episodes: samples.at(-1)?.episodes,
    memoryMiB: memory,
    pageHeapMiB: enough && page ? compare((one) => one.pageHeapMiB) : 'skipped: no Chromium',
    handles,
    threads,
    lateP99Ms: enough && {
      first: lateP99(first[0], first.at(-1)),
      last: lateP99(last[0], last.at(-1)),
      whole: lateP99(samples[0], samples.at(-1)),
    },
    missed: samples.at(-1)?.missed,
    restarts,
    exit,
    errors: errors.slice(0, 20),
    complaints: complained.slice(0, 4000),
    pageErrors,
    passed: {
      longEnough: enough && !early.interrupted && !diedEarly,
      memoryFlat: enough && memory.growth <= FLAT,
      noLeakedHandle: enough && handles.growth <= 0 && threads.growth <= 0,
      noRestart: restarts === 0,
      noError: errors.length === 0 && complained === '' && pageErrors.length === 0,
      endedWell: !diedEarly && exit === 0,
    },
    series: samples.filter((_, index) => index % every === 0).map((row) => ({ ...row, late: undefined })),
  };
}
