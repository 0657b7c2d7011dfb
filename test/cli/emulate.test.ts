import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { NoAnswerError } from '#alohad/hardware/dynamixel/busErrors.js';
import { ADDRESS, HARDWARE_ERROR } from '#alohad/hardware/dynamixel/controlTable.js';
import { SerialPort } from '#alohad/hardware/serialPort.js';
import { decodeJpeg } from '#alohad/imaging/jpeg.js';
import { alohad } from './alohad.js';
import { writeTinyPolicy } from '../policy/tinyPolicy.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'alohad-emulate-'));
const path = join(folder, 'ttyDXL');
const rig = join(folder, 'rig.yaml');
writeFileSync(rig, `buses:\n  left: { port: ${path}, arm: vx300s }\n`);
let child: ChildProcess | undefined;
afterAll(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Sends commands to the control socket; returns the answers. */
async function tell(socketPath: string, commands: readonly string[]): Promise<string[]> {
  const socket = connect(socketPath);
  socket.write(`${commands.join('\n')}\n`);
  const answers: string[] = [];
  for await (const line of createInterface(socket)) {
    if (answers.push(line) === commands.length) break;
  }
  socket.destroy();
  return answers;
}

interface Emulated {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  /** What it said until everything was open. */
  readonly output: string;
}

async function startEmulator(args: readonly string[]): Promise<Emulated> {
  const running = spawn(process.execPath, [MAIN, 'emulate', '--rig', rig, '--no-wire', ...args]);
  child = running;
  const exited = new Promise<number | null>((resolve) => {
    running.once('exit', resolve);
  });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    running.stdout.on('data', (text: Buffer) => {
      output += text.toString();
      if (output.includes('Ctrl-C')) resolve();
    });
    running.stderr.on('data', (text: Buffer) => reject(new Error(text.toString())));
  });
  return { child: running, exited, output };
}

/** The first picture of an MJPEG stream. */
async function firstPicture(url: string): Promise<{ width: number; height: number }> {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toMatch(/^multipart\/x-mixed-replace; boundary=/);
  let bytes = Buffer.alloc(0);
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf('\r\n--');
    if (end > 0) return decodeJpeg(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4, end));
  }
  throw new Error(`${url} ended without a picture`);
}

describe('alohad emulate', () => {
  it('opens ports, lets servos fail on demand, and takes everything away on Ctrl-C', async () => {
    const { child: running, exited, output } = await startEmulator(['--fault', 'left servo 8 absent']);
    expect(output).toContain(path);
    const control = `${path}.control`;
    expect(await tell(control, ['left servo 9 overload', 'right unplug', 'left dance'])).toEqual([
      'ok',
      'error: there is no emulated bus "right"; there are left',
      expect.stringContaining('is no command'),
    ]);
    const port = await SerialPort.open(path, 1_000_000);
    const bus = new ServoBus(port, { slackMs: 1000 });
    // The fault crosses to the emulator's thread after the answer.
    await expect.poll(() => bus.ping(9).alert).toBe(true);
    expect(bus.readUnsigned(9, ADDRESS.hardwareErrorStatus, 1)).toBe(HARDWARE_ERROR.overload);
    // What was asked for on the command line holds from the beginning.
    expect(() => bus.ping(8)).toThrow(NoAnswerError);
    port.close();

    running.kill('SIGINT');
    expect(await exited).toBe(130);
    expect([existsSync(path), existsSync(control)]).toEqual([false, false]);
  });

  it('--world: another process moves real simulated objects through the ports, webcams and rewards show it', async () => {
    const demonstrations = join(folder, 'demonstrations');
    const { code } = await alohad([
      'record',
      '--episodes',
      '1',
      '--seed',
      '3',
      '--images',
      'none',
      '--out',
      demonstrations,
    ]);
    expect(code).toBe(0);
    const ports = ['left', 'right'].map((side) => `follower_${side}`);
    writeFileSync(
      rig,
      `buses:\n${ports.map((name) => `  ${name}: { port: ${join(folder, name)}, arm: vx300s }\n`).join('')}`,
    );
    const {
      child: running,
      exited,
      output,
    } = await startEmulator(['--world', 'insertion', '--seed', '3', '--watch', '0']);
    const high = /http:\S+\/cam_high/.exec(output)![0];
    expect(await firstPicture(high)).toMatchObject({ width: 640, height: 480 });
    const control = `${join(folder, 'follower_left')}.control`;
    expect(await tell(control, ['world reward'])).toEqual(['ok reward 0 of 4, 0 at most so far']);
    const replayed = await alohad([
      'replay',
      join(demonstrations, 'seed_0000003.mcap'),
      '--backend',
      'real',
      '--rig',
      rig,
    ]);
    expect(replayed.stderr).not.toContain('alohad:');
    expect(replayed).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing here gives rewards'),
    });
    const [after] = await tell(control, ['world reward']);
    // A busy machine may lose the race with real time; what lifted the objects is the servos in any case.
    expect(Number(/(\d) at most/.exec(after!)![1])).toBeGreaterThanOrEqual(2);
    expect(await tell(control, ['world start 5', 'world reward', 'world dance', 'world start x'])).toEqual([
      'ok',
      'ok reward 0 of 4, 0 at most so far',
      expect.stringContaining('is no command'),
      expect.stringContaining('is no seed'),
    ]);
    const policy = join(folder, 'policy');
    await writeTinyPolicy(policy, { images: [] });
    const trial = await alohad([
      'trial',
      '--episodes',
      '1',
      '--policy',
      policy,
      '--backend',
      'real',
      '--rig',
      rig,
      '--sheet',
      join(folder, 'sheet.png'),
    ]);
    expect([trial.code, trial.stdout]).toEqual([
      0,
      expect.stringContaining('1 played; nothing gives rewards there'),
    ]);
    // Nothing tells a success there: what was asked for is kept, once, and a person says what it was.
    const kept = join(folder, 'kept');
    const recording = ['record', '--episodes', '1', '--seed', '7', '--policy', policy, '--out', kept];
    const recorded = await alohad([...recording, '--backend', 'real', '--rig', rig]);
    expect([recorded.code, recorded.stderr]).toEqual([0, expect.stringContaining('label them')]);
    const listed = async (): Promise<string> => (await alohad(['episodes', 'list', kept])).stdout;
    expect(await listed()).toMatch(/seed_0000007 .* \? /);
    await alohad(['episodes', 'label', join(kept, 'seed_0000007.mcap'), 'success']);
    expect(await listed()).toMatch(/seed_0000007 .* yes /);
    running.kill('SIGINT');
    expect(await exited).toBe(130);
  }, 240_000);

  it.each([
    [['--bus', 'tail'], 'there are left, follower_left, follower_right'],
    [['--watch'], '--watch needs --world'],
    [['--world', 'pigs'], 'there is no task "pigs"'],
    [['--world', '--bus', 'follower_left'], 'name follower_right too'],
    [['--fault', 'left sneezes'], 'is no command'],
  ])('refuses %j and says why', async (args, reason) => {
    const ports = ['left', 'follower_left', 'follower_right'].map(
      (name) => `  ${name}: { port: ${join(folder, name)}, arm: vx300s }\n`,
    );
    writeFileSync(rig, `buses:\n${ports.join('')}`);
    const { code, stderr } = await alohad(['emulate', '--rig', rig, ...args]);
    expect(stderr).toContain(reason);
    expect(code).toBe(2);
  });

  it('says what a rig without buses lacks', async () => {
    writeFileSync(rig, 'name: none\n');
    const { code, stderr } = await alohad(['emulate', '--rig', rig]);
    expect(code).toBe(2);
    expect(stderr).toContain('launch/rigs/aloha.yaml');
  });
});
