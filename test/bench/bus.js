/**
 * The bus cycle of a nine-servo arm (sync write of goals, sync read of current, velocity and position) against the
 * emulator, over the same pseudo-terminal: ours, and peers in turn.
 *
 *   node test/bench/bus.js [--cycles 1000] [--rounds 5] [--wire] [--peer name=COMMAND]... [--json FILE]
 *
 * A peer is called as `COMMAND PORT CYCLES`, does the same cycle at 1,000,000 bit/s on IDs 1 to 9 (address 126, 10 bytes;
 * address 116, 4 bytes) and prints the durations of its cycles as a JSON array of numbers [ms].
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { ArmCycle } from '#alohad/hardware/dynamixel/armCycle.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { Emulator } from '#alohad/hardware/emulator/emulator.js';
import { SerialPort } from '#alohad/hardware/serialPort.js';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    wire: { type: 'boolean', default: false },
    peer: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
  },
});
const cycles = Number(values.cycles);
const BAUD_RATE = 1_000_000;
/** Longest that a starved machine may let a cycle wait [ms]. */
const PATIENCE_MS = 1000;

const folder = mkdtempSync(join(tmpdir(), 'alohad-bench-'));
const path = join(folder, 'ttyDXL');
const arm = loadArmProfile('vx300s');
const emulator = await Emulator.start([
  { name: 'arm', path, arm, wire: values.wire ? { baudRate: BAUD_RATE } : {}, seed: 0 },
]);

async function ours(fast) {
  const port = await SerialPort.open(path, BAUD_RATE);
  const ids = arm.servos.map(({ id }) => id);
  const cycle = new ArmCycle(new ServoBus(port), ids, ids, { fast, slackMs: PATIENCE_MS, healthEvery: 0 });
  const durations = [];
  for (let n = 0; n < cycles; n++) {
    const beganMs = performance.now();
    const count = cycle.run(beganMs + PATIENCE_MS, true);
    if (count !== ids.length) throw new Error(`only ${count} of ${ids.length} servos answered`);
    durations.push(performance.now() - beganMs);
    if (n === 0) cycle.goals.set(cycle.positions);
  }
  port.close();
  return durations;
}

async function peer(command) {
  const [program, ...rest] = command.split(' ');
  const child = spawn(program, [...rest, path, String(cycles)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const text of child.stdout) output += text;
  try {
    return JSON.parse(output.slice(output.lastIndexOf('[')));
  } catch {
    console.log(`${command} gave up in this round`);
    return [];
  }
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) / 2)];

const contestants = {
  'alohad sync read': () => ours(false),
  'alohad fast sync read': () => ours(true),
  ...Object.fromEntries(
    values.peer.map((spec) => {
      const [name, ...command] = spec.split('=');
      return [name, () => peer(command.join('='))];
    }),
  ),
};
const samples = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, run] of Object.entries(contestants)) samples[name].push(...(await run()));
}
await emulator.close();
rmSync(folder, { recursive: true });

/** Bytes of a cycle of ours on the wire, as the table in the facts has them: nobody can be faster at this rate. */
const LIMIT_MS = { 'alohad sync read': 2.71, 'alohad fast sync read': 2.16 };
const ours50 = median(samples['alohad sync read']);
const results = Object.entries(samples).map(([name, list]) => {
  const sorted = list.toSorted((a, b) => a - b);
  const at = (share) => Number((sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(3));
  const limitMs = values.wire ? LIMIT_MS[name] : undefined;
  return {
    name,
    cycles: list.length,
    lost: cycles * Number(values.rounds) - list.length,
    p10Ms: at(0.1),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    ...(limitMs !== undefined && { ofWireLimit: Number((at(0.5) / limitMs).toFixed(2)) }),
    ...(!(name in LIMIT_MS) && { oursToTheirs: Number((ours50 / at(0.5)).toFixed(2)) }),
  };
});
console.table(results);
const report = { machine: cpus()[0].model, load: loadavg()[0], wire: values.wire, servos: 9, results };
console.log(`load average ${report.load}`);
if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
